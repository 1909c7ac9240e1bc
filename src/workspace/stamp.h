#pragma once
// The moment a run began, in the time of the file system its project lies on: what the host changes
// later has a ctime that is not older. Who calls: layers.cc takes it, review compares.
#include <cstdint>

#include "base/error.h"

namespace ambit::workspace {

/// Nanoseconds since 1970 of the file system that holds the open directory `dir`. Every change made
/// before the call has an older ctime where the kernel gives fine-grained times to files whose time
/// was asked for (Linux 6.13, "multigrain timestamps"); elsewhere a change of the last few
/// milliseconds before it may carry the same time. Leaves nothing in the directory. Where no file
/// can be made there (read-only, somebody else's) it is the kernel's own coarse clock, by which
/// local file systems stamp.
std::int64_t TakeStamp(int dir);

}  // namespace ambit::workspace
