// Kernel surface: system calls that no agent needs, terminals, foreign call tables, keys.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "probes/probe.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

namespace ambit::probes {
namespace {

Attempt SetUpIoUring(const Words&) {
  io_uring_params params{};
  return FromCall(::syscall(SYS_io_uring_setup, 1, &params));
}

Attempt MakeBpfMap(const Words&) {
  bpf_attr attr{};
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = 4;
  attr.value_size = 4;
  attr.max_entries = 1;
  return FromCall(::syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr));
}

Attempt CountOwnEvents(const Words&) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.config = PERF_COUNT_SW_TASK_CLOCK;
  attr.exclude_kernel = 1;
  return FromCall(::syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

Attempt HandleOwnPageFaults(const Words&) {
  return FromCall(::syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
}

Attempt AskForSessionKeyring(const Words&) {
  return FromCall(::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0, 0, 0));
}

Attempt AddKey(const Words&) {
  return FromCall(::syscall(SYS_add_key, "user", "ambit-probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

/// A key that the launcher holds, by its name, in the ring that processes inherit.
Attempt FindSessionKey(const Words& words) {
  return FromCall(::syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
                            words.at(0).c_str(), 0));
}

Attempt FindUserKey(const Words& words) {
  return FromCall(
      ::syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", words.at(0).c_str(), 0));
}

Attempt ReadKernelLog(const Words&) {
  char buffer[64];
  return FromCall(::klogctl(3 /* read all */, buffer, sizeof buffer));
}

Attempt Clone3(const Words&) {
  clone_args args{};
  args.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) ::_exit(0);
  const Attempt attempt = FromCall(pid);
  if (pid > 0) ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return attempt;
}

/// Types one letter into a terminal of the probe's own, whose session it leads.
Attempt TypeInto(unsigned long request) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return Refused(errno);
  ::setsid();
  const int terminal = ::open(::ptsname(master), O_RDWR);
  if (terminal < 0) return Refused(errno);
  ::ioctl(terminal, TIOCSCTTY, 0);
  char letter = 'x';
  return FromCall(::syscall(SYS_ioctl, terminal, request, &letter));
}

Attempt Type(const Words&) { return TypeInto(TIOCSTI); }

/// The kernel reads 32 bits of the request; a filter that compares 64 would let this one through.
Attempt TypeWithHighBits(const Words&) { return TypeInto(TIOCSTI | (1UL << 32)); }

Attempt ChangeLineDiscipline(const Words&) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0) return Refused(errno);
  int discipline = 0;  // N_TTY, which it already has
  return FromCall(::ioctl(master, TIOCSETD, &discipline));
}

#if defined(__x86_64__)
/// getpid by the x32 table. Kernels without it say ENOSYS; inside the process must die.
Attempt CallX32(const Words&) {
  constexpr long kX32Bit = 0x40000000;
  return FromCall(::syscall(kX32Bit | SYS_getpid));
}

/// getpid by the 32-bit table, which a 64-bit program may use at any time.
Attempt CallI386(const Words&) {
  long result = 20;
  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  return result > 0 ? Done() : Refused(static_cast<int>(-result));
}
#endif

Attempt SetPersonality(const Words&) {
  constexpr unsigned long kReadImpliesExec = 0x0400000;
  return FromCall(::syscall(SYS_personality, kReadImpliesExec));
}

/// Sets nothing; the kernel asks for permission all the same.
Attempt SetClock(const Words&) { return FromCall(::syscall(SYS_settimeofday, nullptr, nullptr)); }

}  // namespace

std::vector<NamedProbe> KernelProbes() {
  return {{"io-uring", SetUpIoUring},
          {"bpf", MakeBpfMap},
          {"perf", CountOwnEvents},
          {"userfaultfd", HandleOwnPageFaults},
          {"keyctl", AskForSessionKeyring},
          {"add-key", AddKey},
          {"find-session-key", FindSessionKey},
          {"find-user-key", FindUserKey},
          {"syslog", ReadKernelLog},
          {"clone3", Clone3},
          {"tiocsti", Type},
          {"tiocsti-high-bits", TypeWithHighBits},
          {"tiocsetd", ChangeLineDiscipline},
#if defined(__x86_64__)
          {"x32", CallX32},
          {"i386", CallI386},
#endif
          {"personality", SetPersonality},
          {"settimeofday", SetClock}};
}

}  // namespace ambit::probes
