#pragma once
// What a run uses now, looked at by somebody who is not its supervisor: the same reading as the
// watch over its limits; but for what has left the run, which nobody but egress knows: its
// supervisor leaves a note in the run's directory. Who calls: `ambit top`, `ambit stats`;
// limit_watch (WriteSentBytes).
#include "base/error.h"
#include "supervise/sampled_disk.h"
#include "workspace/run_store.h"

namespace ambit::supervise {

struct RunUsageNow {
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory = 0;  // bytes; may be more than the truth, where processes share it
  std::uint64_t processes = 0;
  DiskUse disk;
  std::uint64_t net_out = 0;  // bytes that left the run by its network, a second ago at most
};

/// For whoever looks while the run goes on. Without room for it nobody sees it: no error.
void WriteSentBytes(int run_directory, std::uint64_t bytes);

/// Errors: kNotFound when the run has ended, kDenied when its processes may not be looked into.
Result<RunUsageNow> ReadUsage(const workspace::RunMeta& meta, const workspace::RunDir& run);

}  // namespace ambit::supervise
