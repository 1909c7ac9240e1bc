#pragma once
// Processes by descriptor, and what the kernel tells of one without /proc. Source: pidfd_open(2),
// include/uapi/linux/pidfd.h.
#include <sys/types.h>

#include <optional>

#include "base/fd.h"

namespace ambit::sys {

/// The process of thread `tid`; empty when there is none, or the kernel (before 6.9) takes no
/// thread but the first one of its process. Always close-on-exec.
Fd OpenProcess(pid_t tid);

struct ProcessInfo {
  pid_t process = 0;
  pid_t parent = 0;
};
/// PIDFD_GET_INFO, since 6.13; nothing before, and of a process that is gone.
std::optional<ProcessInfo> InfoOf(int pidfd);

/// The wait status of a process that has ended and was reaped (PIDFD_INFO_EXIT, since 6.15).
std::optional<int> EndOf(int pidfd);

/// Whether EndOf can ever answer on this kernel.
bool KnowsEnds();

}  // namespace ambit::sys
