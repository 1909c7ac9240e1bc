#include "attempt_cases.h"

#include <algorithm>
#include <array>

namespace ambit::testing {
namespace {

using enum Control;
using Cases = std::vector<AttemptCase>;

/// The person could, a run cannot, whatever is switched off of the three walls.
AttemptCase Always(std::string line) { return {.inside = std::move(line)}; }

/// As Always, for what only root may do outside.
AttemptCase AlwaysForRoot(std::string line) {
  return {.inside = std::move(line), .user = kForbidden};
}

/// Only the system call filter stands before it.
AttemptCase BySeccomp(std::string line, std::string answer, Control outside = kWorks) {
  return {.inside = std::move(line),
          .root = outside,
          .user = outside,
          .answer = std::move(answer),
          .root_opens = {"seccomp"},
          .user_opens = {"seccomp"}};
}

/// The filter says no first; without it the kernel still does.
AttemptCase ByMoreThanSeccomp(std::string line, std::string answer, Control user = kForbidden) {
  return {.inside = std::move(line), .user = user, .answer = std::move(answer)};
}

/// Of the kernel's own choosing outside; inside never.
AttemptCase WhereBuilt(std::string line) {
  return {.inside = std::move(line), .root = kAny, .user = kAny};
}

/// Init as the target; outside the victim, which the person owns as well.
AttemptCase OfInit(const std::string& before, const std::string& after,
                   const std::string& after_outside, Control user = kWorks) {
  return {.inside = before + " 1" + after,
          .outside = before + " {victim}" + after_outside,
          .user = user};
}

Cases Files() {
  return {
      Always("read {secret}"),
      Always("read {outside}/secret"),
      Always("read {project}/../outside/secret"),
      Always("open-for-writing {rc}"),
      Always("create {outside}/new"),
      Always("write-through-symlink {rc}"),
      Always("hard-link {outside}/secret"),
      Always("chdir {outside}"),
      // Standard input is a file of the person, opened for reading: mounts know nothing of it.
      {.inside = "reopen-for-writing 0", .user_opens = {"landlock"}},
      // As root the tree behind the root belongs to somebody who does not exist inside.
      {.inside = "mkdir /made-inside",
       .outside = "mkdir {outside}/made-outside",
       .user_opens = {"mounts+landlock"}},
      {.inside = "open-for-writing /etc/passwd",  // the run's own
       .user = kForbidden,
       .user_opens = {"mounts+landlock"}},
      Always("chmod {read-only}/file"),
      Always("open-for-writing {read-only}/file"),
      Always("create {read-only}/new"),
      AlwaysForRoot("open-for-writing /etc/shadow"),
      AlwaysForRoot("read /etc/shadow"),
      AlwaysForRoot("open-for-writing /proc/sys/kernel/core_pattern"),
      AlwaysForRoot("open-for-writing /proc/sys/vm/drop_caches"),
      WhereBuilt("open-for-writing /proc/sysrq-trigger"),
      WhereBuilt("read /proc/kcore"),
      {.inside = "read /proc/keys", .root_opens = {"mounts"}, .user_opens = {"mounts"}},
      AlwaysForRoot("read /proc/timer_list"),
      {.inside = "kernel-addresses", .user = kForbidden},
      WhereBuilt("open-for-writing /dev/mem"),
      AlwaysForRoot("open-for-writing /dev/kmsg"),
      WhereBuilt("open-for-writing /dev/kvm"),
      WhereBuilt("open-for-writing /dev/fuse"),
      WhereBuilt("open-for-writing /dev/net/tun"),
      Always("chdir /sys/kernel"),
      Always("variable AMBIT_TEST_SECRET"),
  };
}

Cases Processes() {
  return {
      Always("proc-read {victim} environ"),
      Always("proc-read {victim} cmdline"),
      Always("proc-follow {victim} root"),
      Always("proc-follow {victim} cwd"),
      Always("proc-mem {victim}"),
      Always("ptrace {victim}"),
      Always("process-vm-readv {victim} {address}"),
      Always("process-vm-writev {victim} {address}"),
      Always("kill {victim}"),
      Always("sigqueue {victim}"),
      Always("pidfd-send-signal {victim}"),
      Always("pidfd-getfd {victim} 1"),
      Always("prlimit {victim}"),
      AlwaysForRoot("setns {victim}"),
      OfInit("ptrace", "", ""),
      OfInit("proc-mem", "", ""),
      OfInit("proc-read", " environ", " environ"),
      OfInit("proc-follow", " root", " root"),
      OfInit("proc-follow", " cwd", " cwd"),
      OfInit("proc-follow", " exe", " exe"),
      OfInit("proc-follow", " fd/3", " fd/1"),
      OfInit("process-vm-readv", " {address}", " {address}"),
      OfInit("pidfd-getfd", " 3", " 1"),
      OfInit("setns", "", "", kForbidden),
      {.inside = "proc-exe-write 1", .outside = "open-for-writing {project}/probe-copy"},
  };
}

Cases Namespaces() {
  return {
      ByMoreThanSeccomp("mount", "refused EPERM"),
      {.inside = "remount /", .user = kForbidden, .answer = "refused EPERM"},
      {.inside = "remount /proc/sys", .root = kAny, .user = kForbidden, .answer = "refused EPERM"},
      {.inside = "remount {read-only}",
       .root = kAny,
       .user = kForbidden,
       .answer = "refused EPERM"},
      ByMoreThanSeccomp("fsopen", "refused EPERM"),
      ByMoreThanSeccomp("open-tree-clone", "refused EPERM"),
      BySeccomp("listmount", "refused ENOSYS", kAny),
      ByMoreThanSeccomp("chroot", "refused EPERM"),
      ByMoreThanSeccomp("setns-own", "refused EPERM"),
      BySeccomp("unshare-user", "refused EPERM"),
      BySeccomp("clone-user", "refused EPERM"),
      ByMoreThanSeccomp("mknod-device", "refused EPERM"),
      // Anybody may make one outside; without seccomp Landlock, without both overlay refuses.
      ByMoreThanSeccomp("mknod-whiteout", "refused EPERM", kWorks),
      ByMoreThanSeccomp("open-by-handle {outside}/secret", "refused EPERM"),
      {.inside = "open-root-inode", .root = kAny, .user = kForbidden, .answer = "refused EPERM"},
  };
}

Cases Kernel() {
  return {
      BySeccomp("io-uring", "refused EPERM"),
      ByMoreThanSeccomp("bpf", "refused EPERM", kAny),
      BySeccomp("perf", "refused EPERM"),
      BySeccomp("userfaultfd", "refused EPERM"),
      BySeccomp("keyctl", "refused EPERM"),
      BySeccomp("add-key", "refused EPERM"),
      // The launcher's keys are out of reach without the filter too: the run has rings of its own.
      ByMoreThanSeccomp("find-session-key {key}", "refused EPERM", kWorks),
      ByMoreThanSeccomp("find-user-key {key}", "refused EPERM", kWorks),
      ByMoreThanSeccomp("syslog", "refused EPERM", kAny),
      BySeccomp("clone3", "refused ENOSYS"),
      BySeccomp("tiocsti", "refused EPERM"),
      BySeccomp("tiocsti-high-bits", "refused EPERM"),
      BySeccomp("tiocsetd", "refused EPERM"),
      BySeccomp("personality", "refused EPERM"),
      ByMoreThanSeccomp("settimeofday", "refused EPERM"),
#if defined(__x86_64__)
      // Kernels without x32 say ENOSYS outside; inside it is death either way.
      {.inside = "x32", .root = kAny, .user = kAny, .answer = "killed SIGSYS"},
      BySeccomp("i386", "killed SIGSYS"),
#endif
  };
}

Cases Sockets() {
  return {
      BySeccomp("socket 40 1 0", "refused EAFNOSUPPORT"),             // vsock
      ByMoreThanSeccomp("socket 17 3 3", "refused EAFNOSUPPORT"),     // packet
      ByMoreThanSeccomp("socket 44 3 0", "refused EAFNOSUPPORT"),     // XDP
      BySeccomp("socket 16 3 12", "refused EPROTONOSUPPORT"),         // netlink: netfilter
      BySeccomp("socket 16 3 4", "refused EPROTONOSUPPORT"),          // sock_diag
      BySeccomp("socket 16 3 9", "refused EPROTONOSUPPORT"),          // audit
      BySeccomp("socket 16 3 15", "refused EPROTONOSUPPORT"),         // uevents
      BySeccomp("socket 16 3 16", "refused EPROTONOSUPPORT"),         // generic
      ByMoreThanSeccomp("socket 2 3 1", "refused EPERM"),             // raw ICMP
      ByMoreThanSeccomp("socket 10 3 58", "refused EPERM"),           // raw ICMPv6
      ByMoreThanSeccomp("socket 2 10 0", "refused ESOCKTNOSUPPORT"),  // SOCK_PACKET
      BySeccomp("socket 2 1 262", "refused EPROTONOSUPPORT"),         // MPTCP
      {.inside = "socket 38 5 0", .root = kAny, .user = kAny, .answer = "refused EAFNOSUPPORT"},
      {.inside = "socket 15 3 2", .root = kAny, .user = kAny, .answer = "refused EAFNOSUPPORT"},
      {.inside = "socket 30 1 0", .root = kAny, .user = kAny, .answer = "refused EAFNOSUPPORT"},
      {.inside = "socket 29 3 1", .root = kAny, .user = kAny, .answer = "refused EAFNOSUPPORT"},
      {.inside = "socket 31 3 1", .root = kAny, .user = kAny, .answer = "refused EAFNOSUPPORT"},
      {.inside = "socket 42 2 0", .root = kAny, .user = kAny, .answer = "refused EAFNOSUPPORT"},
      Always("connect-abstract {abstract}"),
      Always("connect-path {project}/host.sock"),
      Always("connect-path {read-only}/host.sock"),
      Always("connect-loopback {port}"),
      AlwaysForRoot("change-link"),
      Always("shmget {shm-key}"),
      Always("mq-open {queue}"),
      Always("read {shm-file}"),
  };
}

Cases Privileges() {
  return {
      {.inside = "capability-set CapInh", .root = kAny, .user = kAny, .answer = "absent"},
      {.inside = "capability-set CapPrm", .user = kForbidden, .answer = "absent"},
      {.inside = "capability-set CapEff", .user = kForbidden, .answer = "absent"},
      {.inside = "capability-set CapBnd", .answer = "absent"},
      {.inside = "capability-set CapAmb", .root = kAny, .user = kAny, .answer = "absent"},
      {.inside = "new-privileges", .answer = "absent"},
      {.inside = "securebits", .answer = "refused EPERM"},
      {.inside = "core-dump", .root = kAny, .user = kAny, .answer = "absent"},
      AlwaysForRoot("setuid-root"),
      AlwaysForRoot("raise-priority"),
  };
}

}  // namespace

const std::vector<AttemptCase>& AttemptCases() {
  static const Cases all = [] {
    Cases joined;
    for (const Cases& group :
         {Files(), Processes(), Namespaces(), Kernel(), Sockets(), Privileges()}) {
      joined.insert(joined.end(), group.begin(), group.end());
    }
    return joined;
  }();
  return all;
}

bool OpensWithout(const AttemptCase& attempt, Who who, std::string_view off) {
  constexpr std::array<std::string_view, 3> kWalls = {"mounts", "landlock", "seccomp"};
  const auto& sets = who == Who::kRoot ? attempt.root_opens : attempt.user_opens;
  return std::ranges::any_of(sets, [&](const std::string& set) {
    return std::ranges::all_of(kWalls, [&](std::string_view wall) {
      return set.find(wall) == std::string::npos || off.find(wall) != std::string_view::npos;
    });
  });
}

}  // namespace ambit::testing
