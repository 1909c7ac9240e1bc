#pragma once
// Seccomp filters on the calling thread, by seccomp(2) itself, and the listener of a filter that
// notifies (seccomp_unotify(2)).
//
// Contract: the caller has set no_new_privs (or holds CAP_SYS_ADMIN in its user namespace) and
// has one thread: only the calling thread is confined, children inherit. A filter cannot be
// taken off again.
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

/// For the time between clone and exec: no allocation, no lock. 0, or the errno: EACCES without
/// no_new_privs, EINVAL for a program the kernel refuses (or longer than 4096 instructions).
int InstallFilterRaw(std::span<const sock_filter> program) noexcept;

/// The same for everywhere else.
Status InstallFilter(std::span<const sock_filter> program);

/// The same, and where the calls are heard of that the program answers with SECCOMP_RET_USER_NOTIF,
/// the caller's own too. While a caller waits for its answer only a deadly signal interrupts it
/// (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, since 5.19). EBUSY: a filter that the caller inherited
/// has a listener already, and the kernel takes one in a chain of filters.
Result<Fd> InstallNotifyingFilter(std::span<const sock_filter> program);

/// The next call that waits for an answer; nothing when its caller was killed meanwhile. Blocks
/// when poll(2) has not said that there is one.
std::optional<seccomp_notif> ReceiveNotification(int listener);

/// Whether the caller still waits: then all that was learnt of its pid was learnt of it.
bool StillWaits(int listener, std::uint64_t id);

/// Lets the kernel do the call as if nobody had asked: it reads the arguments anew and checks them
/// against the caller's own rights. A caller that is gone is no error.
void LetTheKernelDoIt(int listener, std::uint64_t id);

/// The call fails with `error`, an errno, and nothing is done.
void Refuse(int listener, std::uint64_t id, int error);

}  // namespace ambit::sys
