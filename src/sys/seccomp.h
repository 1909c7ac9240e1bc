#pragma once
// Installs a seccomp filter on the calling thread, by seccomp(2) itself.
//
// Contract: the caller has set no_new_privs (or holds CAP_SYS_ADMIN in its user namespace) and
// has one thread: only the calling thread is confined, children inherit. A filter cannot be
// taken off again.
#include <linux/filter.h>

#include <span>

#include "base/error.h"

namespace ambit::sys {

/// For the time between clone and exec: no allocation, no lock. 0, or the errno: EACCES without
/// no_new_privs, EINVAL for a program the kernel refuses (or longer than 4096 instructions).
int InstallFilterRaw(std::span<const sock_filter> program) noexcept;

/// The same for everywhere else.
Status InstallFilter(std::span<const sock_filter> program);

}  // namespace ambit::sys
