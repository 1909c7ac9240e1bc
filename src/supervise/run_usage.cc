#include "supervise/run_usage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "base/fd.h"
#include "supervise/run_processes.h"
#include "supervise/sampled_memory.h"
#include "sys/file.h"
#include "sys/process.h"

namespace ambit::supervise {

namespace {

constexpr const char* kSentFile = "sent";
constexpr std::size_t kDigits = 20;

std::uint64_t ReadSentBytes(int run_directory) {
  const std::string text = sys::ReadSmallFile(run_directory, kSentFile, kDigits + 1).value_or("");
  std::uint64_t bytes = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

}  // namespace

void WriteSentBytes(int run_directory, std::uint64_t bytes) {
  const Fd file(::openat(run_directory, kSentFile, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                         S_IRUSR | S_IWUSR));
  const std::string text = fmt::format("{:0{}}", bytes, kDigits);  // always as long: one write
  if (file) (void)!::pwrite(file.get(), text.data(), text.size(), 0);
}

Result<RunUsageNow> ReadUsage(const workspace::RunMeta& meta, const workspace::RunDir& run) {
  const auto start = sys::StartTimeOf(meta.init_pid);
  if (meta.init_pid == 0 || !workspace::IsAlive(meta) || !start || *start != meta.init_start) {
    return Fail(Errc::kNotFound, "the run '" + meta.id + "' has no processes any more");
  }
  AMBIT_TRY(const Fd root, OpenRootOf(meta.init_pid));
  AMBIT_TRY(const RunProcesses processes, RunProcesses::Open(root.get()));
  const SampledMemory memory(root.get(), {"/tmp", "/var/tmp", "/dev/shm", "/run"});
  const ProcessTotals totals = processes.Count();
  return RunUsageNow{.cpu_ms = totals.cpu_ms,
                     .memory = totals.anon + totals.shared + memory.InOwnFileSystems(),
                     .processes = totals.processes,
                     .disk = SampledDisk::Whole(run.fd.get()),
                     .net_out = ReadSentBytes(run.fd.get())};
}

}  // namespace ambit::supervise
