#pragma once
// The memory of a run where no cgroup counts it: what its processes have for themselves, and what
// lies in memory as a file, mapped by somebody or by nobody. A cheap look is never far below the
// truth and may be above it (what is shared counts for each who shares it); one that finds too
// much is followed by an exact one, which decides. Who calls: limit_watch.
// Not seen: page tables, buffers of pipes and sockets and other memory of the kernel; a memfd whose
// only descriptor is on its way through a socket; a SysV segment that nobody is attached to.
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "supervise/run_processes.h"

namespace ambit::supervise {

class SampledMemory {
 public:
  using Clock = std::chrono::steady_clock;

  /// `root`: the run's root directory; `in_memory`: where file systems in memory are mounted that
  /// it has for itself, absolute.
  SampledMemory(int root, const std::vector<std::string>& in_memory);

  /// What the run has, as far as it matters for `limit`: exact when it is above.
  std::uint64_t Look(const RunProcesses& processes, const ProcessTotals& totals,
                     std::uint64_t limit);

  /// Bytes of the file systems in memory that the run has for itself.
  [[nodiscard]] std::uint64_t InOwnFileSystems() const;

 private:
  /// Nothing when it takes longer than the event loop can wait.
  std::optional<std::uint64_t> Exact(const RunProcesses& processes) const;
  void LookForMemfds(const RunProcesses& processes, std::uint64_t limit);

  std::vector<Fd> file_systems_;
  std::set<dev_t> devices_;        // theirs
  std::uint64_t memfds_ = 0;       // bytes of memfds, mapped or not, at the last look
  std::uint64_t host_shared_ = 0;  // /proc/meminfo's Shmem at the last look
  Clock::time_point next_memfds_{};
  std::uint64_t exact_ = 0;
  std::uint64_t cheap_at_exact_ = 0;
  Clock::time_point next_exact_{};
};

}  // namespace ambit::supervise
