#pragma once
// The moment a run began, in the time of the file system its project lies on: what the host changes
// later has a ctime that is not older, as long as nobody sets the clock back (StampToCompare).
// Who calls: layers.cc takes it, review compares.
#include <cstdint>

#include "base/error.h"
#include "workspace/run_store.h"

namespace ambit::workspace {

/// Nanoseconds since 1970 of the file system that holds the open directory `dir`. Every change made
/// before the call has an older ctime where the kernel gives fine-grained times to files whose time
/// was asked for (Linux 6.13, "multigrain timestamps"); elsewhere a change of the last few
/// milliseconds before it may carry the same time. Leaves nothing in the directory. Where no file
/// can be made there (read-only, somebody else's) it is the kernel's own coarse clock, by which
/// local file systems stamp.
std::int64_t TakeStamp(int dir);

/// How far the clock of the day is ahead of the time since boot, in nanoseconds: it changes only
/// when somebody sets the clock. Adjusting its speed changes both (clock_gettime(2)).
std::int64_t ClockOffset();

/// The stamp of `layer` for comparing with times of its lower directory `dir` now. A clock that was
/// set back gives a change of the host an older time than it had: so the stamp is as much older, or
/// 0 (nothing can be told) when the clock still is behind it.
/// Known limits: a clock set back and forward again in between leaves no trace, nor does one that
/// was wrong after a reboot and is right by now; of another machine's clock (a network file system)
/// only that it still is behind is seen.
std::int64_t StampToCompare(const RunMeta& run, const RunLayer& layer, int dir);

/// The same for known clocks; `offset_change_ns` is negative when the clock was set back.
std::int64_t StampByClock(std::int64_t stamp_ns, std::int64_t now_ns,
                          std::int64_t offset_change_ns);

}  // namespace ambit::workspace
