#include "supervise/run_usage.h"

#include "supervise/run_processes.h"
#include "supervise/sampled_memory.h"
#include "sys/process.h"

namespace ambit::supervise {

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
                     .disk = SampledDisk::Whole(run.fd.get())};
}

}  // namespace ambit::supervise
