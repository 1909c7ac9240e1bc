#include "sys/seccomp.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/kernel_abi.h"

namespace ambit::sys {
namespace {

/// What seccomp(2) returns, or the negative errno.
int Install(std::span<const sock_filter> program, unsigned long flags) noexcept {
  // The length field has 16 bits: a longer program must not be cut to a shorter one.
  if (program.size() > BPF_MAXINSNS) return -EINVAL;
  const sock_fprog wire{.len = static_cast<unsigned short>(program.size()),
                        .filter = const_cast<sock_filter*>(program.data())};
  const long done = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &wire);
  return done >= 0 ? static_cast<int>(done) : -errno;
}

void Answer(int listener, const seccomp_notif_resp& answer) {
  seccomp_notif_resp copy = answer;
  while (::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &copy) != 0 && errno == EINTR) {
  }
}

}  // namespace

int InstallFilterRaw(std::span<const sock_filter> program) noexcept { return -Install(program, 0); }

Status InstallFilter(std::span<const sock_filter> program) {
  if (const int err = InstallFilterRaw(program); err != 0) {
    return FailErrno(err, fmt::format("seccomp: filter of {} instructions", program.size()));
  }
  return {};
}

Result<Fd> InstallNotifyingFilter(std::span<const sock_filter> program) {
  const int listener =
      Install(program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (listener >= 0) {
    // Caller and holder take turns, so the kernel need not look for an idle processor. Older ones
    // do.
    (void)::ioctl(listener, abi::kSeccompIoctlNotifSetFlags, abi::kSeccompNotifSyncWakeUp);
    return Fd(listener);
  }
  return FailErrno(-listener, "seccomp: filter with a listener");
}

std::optional<seccomp_notif> ReceiveNotification(int listener) {
  seccomp_notif notification{};  // the kernel refuses one that is not zero
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0) return std::nullopt;
  return notification;
}

bool StillWaits(int listener, std::uint64_t id) {
  return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

void LetTheKernelDoIt(int listener, std::uint64_t id) {
  Answer(listener, {.id = id, .val = 0, .error = 0, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE});
}

void Refuse(int listener, std::uint64_t id, int error) {
  Answer(listener, {.id = id, .val = 0, .error = -error, .flags = 0});
}

}  // namespace ambit::sys
