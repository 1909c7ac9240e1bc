#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace ambit::sys {

Result<LoopDevice> AttachLoopDevice(int file) {
  constexpr int kAttempts = 64;  // somebody else may take the one that was free
  const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return FailErrno(errno, "open '/dev/loop-control'");
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return FailErrno(errno, "find a free loop device");
    LoopDevice device{.path = fmt::format("/dev/loop{}", number), .fd = {}};
    device.fd = Fd(::open(device.path.c_str(), O_RDWR | O_CLOEXEC));
    if (!device.fd) return FailErrno(errno, fmt::format("open '{}'", device.path));
    loop_config config{};
    config.fd = static_cast<__u32>(file);
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (::ioctl(device.fd.get(), LOOP_CONFIGURE, &config) == 0) return device;
    if (errno != EBUSY) return FailErrno(errno, fmt::format("attach '{}'", device.path));
  }
  return Fail(Errc::kLimit, "no loop device stayed free");
}

}  // namespace ambit::sys
