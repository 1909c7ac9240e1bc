#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <poll.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "sys/file.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace ambit::sys {

Result<Child> Clone(std::uint64_t flags, int cgroup) {
  int pidfd = -1;
  clone_args args{};
  args.flags = flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  // With CLONE_PARENT the kernel takes the caller's own signal and refuses any that is named.
  args.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return FailErrno(errno, cgroup >= 0 ? "clone3 into a cgroup" : "clone3");
  if (pid == 0) return Child{.pid = 0, .pidfd = Fd()};
  return Child{.pid = static_cast<pid_t>(pid), .pidfd = Fd(pidfd)};
}

bool KnowsClone3() {
  // A size of 0 is refused with EINVAL by every kernel that has the call.
  return ::syscall(SYS_clone3, nullptr, 0) >= 0 || errno != ENOSYS;
}

Result<int> Reap(int pidfd) {
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED) != 0) {
    if (errno == EAGAIN) {
      // An event loop has made the descriptor non-blocking, which waitid honours.
      pollfd ended{.fd = pidfd, .events = POLLIN, .revents = 0};
      (void)::poll(&ended, 1, -1);
    } else if (errno != EINTR) {
      return FailErrno(errno, "waitid(P_PIDFD)");
    }
  }
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xFF) << 8;
  return info.si_status & 0x7F;
}

Status Kill(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0 && errno != ESRCH) {
    return FailErrno(errno, fmt::format("pidfd_send_signal {}", signal));
  }
  return {};
}

bool BelongsTo(pid_t thread, pid_t process) {
  return ::tgkill(process, thread, 0) == 0 || errno == EPERM;
}

Status DieWithParent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
    return FailErrno(errno, "prctl(PR_SET_PDEATHSIG)");
  }
  return {};
}

Status CloseAllBut(std::span<const int> keep) {
  std::vector<int> sorted;
  for (int fd : keep) {
    if (fd > 2) sorted.push_back(fd);
  }
  std::ranges::sort(sorted);
  unsigned next = 3;
  for (int fd : sorted) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next && ::syscall(SYS_close_range, next, kept - 1, 0) != 0) {
      return FailErrno(errno, "close_range");
    }
    next = kept + 1;
  }
  if (::syscall(SYS_close_range, next, ~0U, 0) != 0) return FailErrno(errno, "close_range");
  return {};
}

Status FillStandardStreams() {
  for (int stream = 0; stream <= 2; ++stream) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The kernel gives the lowest free number, which is this one: those below are open.
    if (::open("/dev/null", O_RDWR) != stream) return FailErrno(errno, "open '/dev/null'");
  }
  return {};
}

Status BecomeUser(uid_t uid, gid_t gid) {
  // A user namespace with setgroups denied refuses this; then the groups outside stay, unmapped.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) return FailErrno(errno, "setgroups");
  if (::setresgid(gid, gid, gid) != 0) return FailErrno(errno, fmt::format("setresgid {}", gid));
  if (::setresuid(uid, uid, uid) != 0) return FailErrno(errno, fmt::format("setresuid {}", uid));
  return {};
}

namespace {

using CapabilitySets = std::array<__user_cap_data_struct, 2>;

Result<CapabilitySets> ReadCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilitySets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return FailErrno(errno, "capget");
  return sets;
}

/// Bounding set and securebits can only be changed with CAP_SETPCAP; who does not have it has
/// nothing in them that no_new_privs would let through.
Status EmptyBoundingSetAndLock() {
  constexpr int kHighestPossible = 63;
  for (int capability = 0; capability <= kHighestPossible; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // past the kernel's own last capability
    return FailErrno(errno, "prctl(PR_CAPBSET_DROP)");
  }
  constexpr unsigned long kLocked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                    SECBIT_NO_CAP_AMBIENT_RAISE |
                                    SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, kLocked, 0, 0, 0) != 0) {
    return FailErrno(errno, "prctl(PR_SET_SECUREBITS)");
  }
  return {};
}

}  // namespace

namespace {

void RaiseWhatIsPermitted() {
  Result<CapabilitySets> sets = ReadCapabilities();
  if (!sets) return;
  for (auto& set : *sets) set.effective = set.permitted;
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  ::syscall(SYS_capset, &header, sets->data());
}

}  // namespace

FilesystemIdentity::FilesystemIdentity(uid_t uid, gid_t gid)
    : previous_uid_(static_cast<uid_t>(::setfsuid(uid))),
      previous_gid_(static_cast<gid_t>(::setfsgid(gid))) {
  RaiseWhatIsPermitted();
}

FilesystemIdentity::~FilesystemIdentity() {
  ::setfsgid(previous_gid_);
  ::setfsuid(previous_uid_);
  RaiseWhatIsPermitted();
}

Status DropAllPrivileges() {
  AMBIT_TRY(const CapabilitySets before, ReadCapabilities());
  if ((before[0].effective & (1U << CAP_SETPCAP)) != 0) AMBIT_CHECK(EmptyBoundingSetAndLock());
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return FailErrno(errno, "prctl(PR_CAP_AMBIENT_CLEAR_ALL)");
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  CapabilitySets none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return FailErrno(errno, "capset");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return FailErrno(errno, "prctl(PR_SET_NO_NEW_PRIVS)");
  }
  return {};
}

Status LeaveSessionKeyring() {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS) {
    return FailErrno(errno, "keyctl(KEYCTL_JOIN_SESSION_KEYRING)");
  }
  return {};
}

void ScrubEnvironment() {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    ::explicit_bzero(*entry, ::strlen(*entry));
  }
  if (environ != nullptr) *environ = nullptr;
}

Result<std::uint64_t> StartTimeOf(pid_t pid) {
  AMBIT_TRY(const std::string stat,
            ReadSmallFile(AT_FDCWD, fmt::format("/proc/{}/stat", pid).c_str(), 4096));
  // The second field is the command in parentheses and may hold anything, also parentheses.
  std::size_t at = stat.rfind(')');
  for (int field = 2; at != std::string::npos && field < 22; ++field) {
    at = stat.find(' ', at + 1);
  }
  std::uint64_t ticks = 0;
  if (at == std::string::npos ||
      std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks).ec != std::errc{}) {
    return Fail(Errc::kIo, fmt::format("read '/proc/{}/stat': unknown format", pid));
  }
  return ticks;
}

}  // namespace ambit::sys
