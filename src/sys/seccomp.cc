#include "sys/seccomp.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ambit::sys {

int InstallFilterRaw(std::span<const sock_filter> program) noexcept {
  // The length field has 16 bits: a longer program must not be cut to a shorter one.
  if (program.size() > BPF_MAXINSNS) return EINVAL;
  const sock_fprog wire{.len = static_cast<unsigned short>(program.size()),
                        .filter = const_cast<sock_filter*>(program.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &wire) == 0) return 0;
  return errno;
}

Status InstallFilter(std::span<const sock_filter> program) {
  if (const int err = InstallFilterRaw(program); err != 0) {
    return FailErrno(err, fmt::format("seccomp: filter of {} instructions", program.size()));
  }
  return {};
}

}  // namespace ambit::sys
