#include "sys/pidfd.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>

#include "sys/kernel_abi.h"

namespace ambit::sys {

Fd OpenProcess(pid_t tid) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, tid, 0)));
  if (!process) process = Fd(static_cast<int>(::syscall(SYS_pidfd_open, tid, abi::kPidfdThread)));
  return process;
}

std::optional<ProcessInfo> InfoOf(int pidfd) {
  abi::PidfdInfo info{.mask = 0};
  if (::ioctl(pidfd, abi::kPidfdGetInfo, &info) != 0) return std::nullopt;
  return ProcessInfo{.process = static_cast<pid_t>(info.tgid),
                     .parent = static_cast<pid_t>(info.ppid)};
}

std::optional<int> EndOf(int pidfd) {
  abi::PidfdInfo info{.mask = abi::kPidfdInfoExit};
  if (::ioctl(pidfd, abi::kPidfdGetInfo, &info) != 0 || (info.mask & abi::kPidfdInfoExit) == 0) {
    return std::nullopt;
  }
  return info.exit_code;
}

bool KnowsEnds() {
  utsname kernel{};
  int major = 0;
  int minor = 0;
  if (::uname(&kernel) != 0 ||
      std::sscanf(kernel.release, "%d.%d", &major, &minor) != 2) {  // NOLINT(cert-err34-c)
    return false;
  }
  return major > 6 || (major == 6 && minor >= 15);
}

}  // namespace ambit::sys
