#include "supervise/run_processes.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

std::uint64_t NumberAt(std::string_view text, std::size_t at) {
  at = text.find_first_not_of(" \t", at);
  if (at == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

/// The number behind "\nNAME:".
std::uint64_t NumberOf(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  return at == std::string_view::npos ? 0 : NumberAt(text, at + name.size());
}

/// Fields 14 to 17 of /proc/PID/stat: own and waited-for time, in user and kernel. The second field
/// is a name that may hold anything.
std::uint64_t TicksOf(std::string_view stat) {
  std::size_t at = stat.rfind(')');
  std::uint64_t ticks = 0;
  for (int field = 2; at != std::string_view::npos && field < 17; ++field) {
    at = stat.find(' ', at + 1);
    if (field >= 13 && at != std::string_view::npos) ticks += NumberAt(stat, at);
  }
  return ticks;
}

std::string Path(pid_t pid, const char* file) { return fmt::format("{}/{}", pid, file); }

}  // namespace

std::string ReadProc(int proc, const char* path) {
  const Fd file(::openat(proc, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::string text;
  if (!file) return text;
  std::array<char, 8192> chunk;
  for (ssize_t n = 0; (n = ::read(file.get(), chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<std::size_t>(n));
  }
  return text;
}

Result<RunProcesses> RunProcesses::Open(int root) {
  AMBIT_TRY(Fd proc,
            sys::OpenAt(root, "proc", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS));
  return RunProcesses(std::move(proc));
}

std::vector<pid_t> RunProcesses::All() const {
  std::vector<pid_t> pids;
  const auto entries = sys::ListDirectory(proc_.get());
  if (!entries) return pids;
  for (const sys::DirectoryEntry& entry : *entries) {
    pid_t pid = 0;
    const char* end = entry.name.data() + entry.name.size();
    if (std::from_chars(entry.name.data(), end, pid).ptr == end) pids.push_back(pid);
  }
  return pids;
}

std::string StatusWithMemory(int proc, pid_t pid) {
  constexpr std::string_view kMemory = "\nRssAnon:";
  std::string status = ReadProc(proc, Path(pid, "status").c_str());
  if (status.contains(kMemory) || NumberOf(status, "\nThreads:") < 2) return status;
  const std::string tasks = Path(pid, "task");
  const auto dir = sys::OpenAt(proc, tasks.c_str(), O_RDONLY | O_DIRECTORY);
  const auto threads = dir ? sys::ListDirectory(dir->get()) : std::unexpected(dir.error());
  if (!threads) return status;
  for (const sys::DirectoryEntry& thread : *threads) {
    std::string other = ReadProc(proc, fmt::format("{}/{}/status", tasks, thread.name).c_str());
    if (other.contains(kMemory)) return other;
  }
  return status;
}

ProcessTotals RunProcesses::Count() const {
  constexpr std::uint64_t kKilobyte = 1024;
  static const auto ticks_a_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  ProcessTotals totals;
  std::uint64_t ticks = 0;
  for (const pid_t pid : All()) {
    ticks += TicksOf(ReadProc(proc_.get(), Path(pid, "stat").c_str()));
    const std::string status = StatusWithMemory(proc_.get(), pid);
    totals.processes += NumberOf(status, "\nThreads:");
    if (pid == 1) continue;  // ambit's own: its memory is not the run's
    totals.anon += (NumberOf(status, "\nRssAnon:") + NumberOf(status, "\nVmSwap:")) * kKilobyte;
    totals.shared += NumberOf(status, "\nRssShmem:") * kKilobyte;
  }
  totals.cpu_ms = ticks * 1000 / ticks_a_second;
  return totals;
}

std::uint64_t RunProcesses::ReadAndWritten() const {
  std::uint64_t sum = 0;
  for (const pid_t pid : All()) {
    if (pid == 1) continue;  // what ambit asks init is no work of the run
    const std::string io = ReadProc(proc_.get(), Path(pid, "io").c_str());
    sum += NumberOf(io, "rchar:") + NumberOf(io, "wchar:");
  }
  return sum;
}

std::uint64_t RunProcesses::NetworkBytes() const {
  // "lo: BYTES packets ...": what is sent there is received there.
  return NumberOf(ReadProc(proc_.get(), "1/net/dev"), "lo:");
}

Result<Fd> OpenRootOf(pid_t init) {
  const auto open = [](pid_t pid) {
    return sys::OpenAt(AT_FDCWD, fmt::format("/proc/{}/root", pid).c_str(), O_PATH | O_DIRECTORY);
  };
  Result<Fd> root = open(init);
  if (root) return root;
  // Init is ambit's own and not to be looked into by a user; the agent is.
  const std::string children =
      ReadProc(AT_FDCWD, fmt::format("/proc/{0}/task/{0}/children", init).c_str());
  for (std::size_t at = 0; at < children.size() && !root; at = children.find(' ', at) + 1) {
    const auto child = static_cast<pid_t>(NumberAt(children, at));
    if (child > 0) root = open(child);
    if (children.find(' ', at) == std::string::npos) break;
  }
  return root;
}

}  // namespace ambit::supervise
