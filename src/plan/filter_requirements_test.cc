// What the filters promise, call by call, against the programs that ship. Constants come from the
// system's headers here, so a wrong number in data/syscalls.toml shows.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <initializer_list>
#include <vector>

#include "plan/bpf_evaluator_for_test.h"
#include "plan/filter.h"
#include "plan/filter_rules.h"

namespace ambit::plan {
namespace {

using Args = std::array<std::uint64_t, 6>;

constexpr Answer kAllow = Answer::Allow();
constexpr Answer kKill = Answer::KillProcess();
constexpr Answer kEperm = Answer::Errno(EPERM);
constexpr Answer kEnosys = Answer::Errno(ENOSYS);
constexpr std::uint64_t kNoise = 0xdeadbeef'00000000;  // above what the kernel reads

std::vector<std::uint64_t> Each(auto... values) { return {static_cast<std::uint64_t>(values)...}; }

Answer Ask(std::span<const sock_filter> filter, const seccomp_data& call) {
  const auto ret = EvaluateBpfForTest(filter, call);
  EXPECT_TRUE(ret) << ret.error().what;
  return Answer{ret.value_or(0xdead)};
}
Answer Agent(long number, Args args = {}) { return Ask(AgentFilter(), CallForTest(number, args)); }
Answer Egress(long number, Args args = {}) {
  return Ask(EgressFilter(), CallForTest(number, args));
}

void ExpectAgent(Answer expected, std::initializer_list<long> numbers) {
  for (const long number : numbers) {
    EXPECT_EQ(Agent(number), expected)
        << SystemCallName(static_cast<std::uint32_t>(number)).value_or("?");
  }
}

TEST(AgentFilter, KillsCallsOfOtherArchitectures) {
  for (const std::uint64_t arch : Each(AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_PPC64)) {
    seccomp_data call = CallForTest(SYS_getpid);
    call.arch = static_cast<std::uint32_t>(arch);
    EXPECT_EQ(Ask(AgentFilter(), call), kKill);
    EXPECT_EQ(Ask(EgressFilter(), call), kKill);
  }
}

#if defined(__x86_64__)
TEST(AgentFilter, KillsTheX32Abi) {
  for (const long number : {0L, long{SYS_getpid}, 512L, 547L, 0x3fff'fffeL}) {
    EXPECT_EQ(Agent(number | 0x4000'0000), kKill) << number;
    EXPECT_EQ(Egress(number | 0x4000'0000), kKill) << number;
  }
  EXPECT_EQ(Agent(0x8000'0001), kKill);
  EXPECT_EQ(Agent(-1), kEnosys) << "a tracer skips a call with -1";
  ExpectAgent(kEnosys, {512, 520, 545, 547});  // x32's own numbers without its bit
}

TEST(AgentFilter, RefusesOldCallsThatMakeDevicesOrSegments) {
  EXPECT_EQ(Agent(SYS_mknod, {0, S_IFCHR | 0600, 0, 0, 0, 0}), kEperm);
  EXPECT_EQ(Agent(SYS_mknod, {0, S_IFIFO | 0600, 0, 0, 0, 0}), kAllow);
  ExpectAgent(kEperm, {SYS_modify_ldt, SYS_iopl, SYS_ioperm});
  ExpectAgent(kEnosys, {SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl, SYS_create_module,
                        SYS_set_thread_area, SYS_get_thread_area});
}
#endif

TEST(AgentFilter, SaysENOSYSToNumbersNobodyNamed) { ExpectAgent(kEnosys, {471, 500, 600, 65536}); }

TEST(AgentFilter, SendsClone3ToClone) { ExpectAgent(kEnosys, {SYS_clone3}); }

TEST(AgentFilter, AllowsCloneWithoutNewNamespaces) {
  EXPECT_EQ(Agent(SYS_clone, {SIGCHLD}), kAllow);
  EXPECT_EQ(
      Agent(SYS_clone, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                        CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID}),
      kAllow);
  EXPECT_EQ(Agent(SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD | kNoise}), kAllow);
}

TEST(AgentFilter, RefusesEveryNewNamespaceAloneAndAmongOtherFlags) {
  for (const std::uint64_t flag : Each(CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                       CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET)) {
    for (const std::uint64_t others :
         {std::uint64_t{0}, std::uint64_t{SIGCHLD}, std::uint64_t{CLONE_VM | CLONE_FS}, kNoise}) {
      EXPECT_EQ(Agent(SYS_clone, {flag | others}), kEperm) << std::hex << (flag | others);
      EXPECT_EQ(Agent(SYS_unshare, {flag | others}), kEperm) << std::hex << (flag | others);
    }
  }
  EXPECT_EQ(Agent(SYS_unshare, {0x80}), kEperm) << "CLONE_NEWTIME";
}

TEST(AgentFilter, AllowsUnshareOfThreadState) {
  for (const std::uint64_t flags :
       Each(0, CLONE_FILES, CLONE_FS, CLONE_SYSVSEM, CLONE_FILES | CLONE_FS | CLONE_SYSVSEM)) {
    EXPECT_EQ(Agent(SYS_unshare, {flags}), kAllow);
    EXPECT_EQ(Agent(SYS_unshare, {flags | 1ULL << 32}), kEperm) << "bits of tomorrow";
  }
}

TEST(AgentFilter, RefusesTheDangerousFamilies) {
  ExpectAgent(kEperm,
              {SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_bpf,
               SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key});
  ExpectAgent(kEperm,
              {SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_move_mount, SYS_open_tree,
               SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick, SYS_mount_setattr,
               467 /* open_tree_attr */, SYS_setns, SYS_open_by_handle_at, SYS_name_to_handle_at});
  ExpectAgent(kEperm, {SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
                       SYS_kexec_file_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct,
                       SYS_quotactl, SYS_quotactl_fd, SYS_syslog, SYS_vhangup});
  ExpectAgent(kEperm, {SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
                       SYS_sethostname, SYS_setdomainname, SYS_fanotify_init, SYS_fanotify_mark,
                       SYS_process_madvise, SYS_move_pages, SYS_migrate_pages});
  ExpectAgent(kEnosys, {457 /* statmount */, 458 /* listmount */, 470 /* listns */,
                        459 /* lsm_get_self_attr */, 460, 461, SYS_memfd_secret, SYS_nfsservctl,
                        SYS_lookup_dcookie});
}

TEST(AgentFilter, LetsProgramsDebugConfineAndPlaceThemselves) {
  ExpectAgent(kAllow, {SYS_ptrace,
                       SYS_process_vm_readv,
                       SYS_process_vm_writev,
                       SYS_kcmp,
                       SYS_pidfd_open,
                       SYS_pidfd_send_signal,
                       SYS_pidfd_getfd,
                       SYS_seccomp,
                       SYS_landlock_create_ruleset,
                       SYS_landlock_add_rule,
                       SYS_landlock_restrict_self,
                       SYS_mbind,
                       SYS_set_mempolicy,
                       SYS_get_mempolicy,
                       SYS_sched_setscheduler,
                       SYS_sched_setattr,
                       SYS_setrlimit,
                       SYS_prlimit64,
                       SYS_prctl,
                       SYS_memfd_create,
                       SYS_io_setup,
                       SYS_io_submit});
  ExpectAgent(kAllow, {SYS_setuid, SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_setgroups,
                       SYS_setreuid, SYS_setregid, SYS_setfsuid, SYS_setfsgid, SYS_capset});
}

TEST(AgentFilter, AllowsCallsNewerThanTheHeaders) {
  ExpectAgent(kAllow, {451, 452, 453, 454, 455, 456, 462, 463, 464, 465, 466, 468, 469});
}

TEST(AgentFilter, AllowsOnlyHarmlessPersonalities) {
  for (const std::uint64_t persona : Each(0ULL, 0xffffffffULL, 0x0040000ULL, ~0ULL)) {
    EXPECT_EQ(Agent(SYS_personality, {persona}), kAllow) << std::hex << persona;
  }
  for (const std::uint64_t persona :
       Each(0x0400000ULL, 0x0440000ULL, 8ULL, 0x20000ULL, 0x0100000ULL)) {
    EXPECT_EQ(Agent(SYS_personality, {persona}), kEperm) << std::hex << persona;
  }
}

TEST(AgentFilter, MakesPipesAndSocketsButNoDevices) {
  for (const std::uint64_t type : Each(0, S_IFREG, S_IFIFO, S_IFSOCK)) {
    EXPECT_EQ(Agent(SYS_mknodat, {0, 0, type | 0777, 0x0103, 0, 0}), kAllow) << std::oct << type;
  }
  for (const std::uint64_t type : Each(S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK, S_IFMT)) {
    EXPECT_EQ(Agent(SYS_mknodat, {0, 0, type | 0600, 0, 0, 0}), kEperm) << std::oct << type;
    EXPECT_EQ(Agent(SYS_mknodat, {0, 0, type | kNoise, 0, 0, 0}), kEperm) << std::oct << type;
  }
}

TEST(AgentFilter, RenamesWithoutWhiteouts) {
  for (const std::uint64_t flags : Each(0, 1, 2)) {
    EXPECT_EQ(Agent(SYS_renameat2, {0, 0, 0, 0, flags, 0}), kAllow);
    EXPECT_EQ(Agent(SYS_renameat2, {0, 0, 0, 0, flags | 4, 0}), Answer::Errno(EINVAL));
  }
}

Answer Socket(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  const Answer answer = Agent(SYS_socket, {family, type, protocol});
  EXPECT_EQ(Agent(SYS_socket, {family | kNoise, type | kNoise, protocol | kNoise}), answer);
  EXPECT_EQ(Agent(SYS_socket, {family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol}), answer);
  return answer;
}

TEST(AgentFilter, MakesUnixTcpUdpAndPingSockets) {
  for (const std::uint64_t type : Each(SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET)) {
    EXPECT_EQ(Socket(AF_UNIX, type, 0), kAllow);
  }
  for (const std::uint64_t family : Each(AF_INET, AF_INET6)) {
    EXPECT_EQ(Socket(family, SOCK_STREAM, 0), kAllow);
    EXPECT_EQ(Socket(family, SOCK_STREAM, IPPROTO_TCP), kAllow);
    EXPECT_EQ(Socket(family, SOCK_DGRAM, 0), kAllow);
    EXPECT_EQ(Socket(family, SOCK_DGRAM, IPPROTO_UDP), kAllow);
    EXPECT_EQ(Socket(family, SOCK_DGRAM, IPPROTO_ICMP), kAllow);
    EXPECT_EQ(Socket(family, SOCK_DGRAM, IPPROTO_ICMPV6), kAllow);
  }
}

TEST(AgentFilter, RefusesRawAndModuleLoadingInternetSockets) {
  for (const std::uint64_t family : Each(AF_INET, AF_INET6)) {
    EXPECT_EQ(Socket(family, SOCK_RAW, IPPROTO_ICMP), kEperm);
    EXPECT_EQ(Socket(family, SOCK_RAW, 255), kEperm);
    for (const std::uint64_t type : Each(SOCK_PACKET, SOCK_SEQPACKET, SOCK_DCCP, SOCK_RDM)) {
      EXPECT_EQ(Socket(family, type, 0), Answer::Errno(ESOCKTNOSUPPORT)) << type;
    }
    for (const std::uint64_t protocol :
         Each(IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_DCCP, 115, 256, 262)) {
      EXPECT_EQ(Socket(family, SOCK_STREAM, protocol), Answer::Errno(EPROTONOSUPPORT)) << protocol;
      EXPECT_EQ(Socket(family, SOCK_DGRAM, protocol), Answer::Errno(EPROTONOSUPPORT)) << protocol;
    }
  }
}

TEST(AgentFilter, SpeaksOnlyRoutingNetlink) {
  EXPECT_EQ(Socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), kAllow);
  EXPECT_EQ(Socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), kAllow);
  for (std::uint64_t protocol = 1; protocol < 32; ++protocol) {
    EXPECT_EQ(Socket(AF_NETLINK, SOCK_RAW, protocol), Answer::Errno(EPROTONOSUPPORT)) << protocol;
  }
}

TEST(AgentFilter, HasNoOtherSocketFamily) {
  for (std::uint64_t family = 0; family < 64; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) {
      continue;
    }
    EXPECT_EQ(Socket(family, SOCK_STREAM, 0), Answer::Errno(EAFNOSUPPORT)) << family;
    EXPECT_EQ(Socket(family, SOCK_RAW, 3), Answer::Errno(EAFNOSUPPORT)) << family;
  }
}

TEST(AgentFilter, PairsOnlyUnixSockets) {
  EXPECT_EQ(Agent(SYS_socketpair, {AF_UNIX, SOCK_STREAM}), kAllow);
  EXPECT_EQ(Agent(SYS_socketpair, {30 /* AF_TIPC */, SOCK_STREAM}), Answer::Errno(EAFNOSUPPORT));
}

TEST(AgentFilter, RefusesTypingIntoTerminalsWhateverTheHighBits) {
  for (const std::uint64_t request : Each(TIOCSTI, TIOCLINUX, TIOCSETD)) {
    for (const std::uint64_t high : Each(0ULL, 1ULL << 32, 1ULL << 63, kNoise)) {
      EXPECT_EQ(Agent(SYS_ioctl, {0, request | high}), kEperm) << std::hex << (request | high);
    }
  }
  for (const std::uint64_t request :
       Each(TIOCGWINSZ, TIOCSWINSZ, TCGETS, TCSETS, TIOCSPGRP, TIOCSCTTY, FIONBIO, FIONREAD,
            FIOCLEX, TIOCGPTN, TIOCSPTLCK)) {
    EXPECT_EQ(Agent(SYS_ioctl, {0, request}), kAllow) << std::hex << request;
  }
}

TEST(AgentFilter, TellsOfEveryRenameButAWhiteout) {
  const auto notifying = [](long number, Args args = {}) {
    return Ask(AgentFilter(Told::kRenames), CallForTest(number, args));
  };
#ifdef SYS_rename
  EXPECT_EQ(notifying(SYS_rename), Answer::Notify());
#endif
  EXPECT_EQ(notifying(SYS_renameat), Answer::Notify());
  for (const std::uint64_t flags : Each(0, 1, 2, 8, kNoise, kNoise | 1)) {
    EXPECT_EQ(notifying(SYS_renameat2, {0, 0, 0, 0, flags, 0}), Answer::Notify());
    EXPECT_EQ(notifying(SYS_renameat2, {0, 0, 0, 0, flags | 4, 0}), Answer::Errno(EINVAL));
  }
}

TEST(AgentFilter, ThatTellsMoreIsElseTheSame) {
  for (const Told more : {Told::kRenames, Told::kWrites, Told::kOpens}) {
    const Told less = static_cast<Told>(static_cast<int>(more) - 1);
    int told = 0;
    for (long number = 0; number < 600; ++number) {
      for (const std::uint64_t value : Each(0, 1, 2, 5, 10, 0x5412, 0x10000000, ~0ULL)) {
        const seccomp_data call = CallForTest(number, {value, value, value, value, value, value});
        const Answer little = Ask(AgentFilter(less), call);
        const Answer much = Ask(AgentFilter(more), call);
        if (much == little) continue;
        ++told;
        EXPECT_EQ(much, Answer::Notify()) << number;
        EXPECT_EQ(little, kAllow) << number;
      }
    }
    EXPECT_GT(told, 0);
  }
}

TEST(AgentFilter, TellsOfWhatWritesAndExecutesAndOfNoPlainRead) {
  const auto told = [](Told how, long number, Args args = {}) {
    return Ask(AgentFilter(how), CallForTest(number, args)) == Answer::Notify();
  };
  for (const long number :
       {SYS_execve, SYS_execveat, SYS_unlinkat, SYS_mkdirat, SYS_linkat, SYS_symlinkat,
        SYS_truncate, SYS_fchmodat, SYS_fchownat, SYS_mknodat, SYS_openat2, SYS_renameat2}) {
    EXPECT_TRUE(told(Told::kWrites, number)) << number;
    EXPECT_EQ(told(Told::kRenames, number), number == SYS_renameat2) << number;
  }
  for (const std::uint64_t flags : Each(O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_RDWR | O_CLOEXEC,
                                        O_WRONLY | O_CREAT | O_TRUNC, kNoise | O_WRONLY)) {
    EXPECT_TRUE(told(Told::kWrites, SYS_openat, {0, 0, flags})) << flags;
  }
  for (const std::uint64_t flags : Each(O_RDONLY, O_CLOEXEC, O_DIRECTORY | O_NOFOLLOW, kNoise)) {
    EXPECT_FALSE(told(Told::kWrites, SYS_openat, {0, 0, flags})) << flags;
    EXPECT_TRUE(told(Told::kOpens, SYS_openat, {0, 0, flags})) << flags;
  }
  // Init opens so while a caller waits for it.
  EXPECT_FALSE(told(Told::kOpens, SYS_openat, {0, 0, O_PATH | O_DIRECTORY | O_CLOEXEC}));
  for (const long number : {SYS_close, SYS_clone, SYS_read, SYS_write, SYS_newfstatat,
                            SYS_readlinkat, SYS_faccessat, SYS_exit_group, SYS_process_vm_readv}) {
    EXPECT_FALSE(told(Told::kOpens, number)) << number;
  }
}

TEST(EgressFilter, RelaysAndWaits) {
  for (const long number :
       {SYS_read,    SYS_write,         SYS_readv,       SYS_writev,          SYS_splice,
        SYS_accept4, SYS_connect,       SYS_recvmsg,     SYS_sendmsg,         SYS_shutdown,
        SYS_close,   SYS_epoll_ctl,     SYS_epoll_pwait, SYS_timerfd_settime, SYS_eventfd2,
        SYS_pipe2,   SYS_clock_gettime, SYS_getrandom,   SYS_futex,           SYS_munmap,
        SYS_brk,     SYS_rt_sigreturn,  SYS_exit_group}) {
    EXPECT_EQ(Egress(number), kAllow) << number;
  }
}

TEST(EgressFilter, NamesNoFileProcessOrProgram) {
  for (const long number : {SYS_openat,
                            SYS_openat2,
                            SYS_execve,
                            SYS_execveat,
                            SYS_clone,
                            SYS_clone3,
                            SYS_ptrace,
                            SYS_kill,
                            SYS_tgkill,
                            SYS_tkill,
                            SYS_pidfd_open,
                            SYS_pidfd_getfd,
                            SYS_process_vm_readv,
                            SYS_unlinkat,
                            SYS_newfstatat,
                            SYS_bind,
                            SYS_listen,
                            SYS_socketpair,
                            SYS_prctl,
                            SYS_seccomp,
                            SYS_prlimit64,
                            SYS_setns,
                            SYS_unshare,
                            SYS_bpf,
                            SYS_io_uring_setup,
                            SYS_memfd_create}) {
    EXPECT_EQ(Egress(number), kEperm) << number;
  }
  for (const long number : {471L, 600L}) EXPECT_EQ(Egress(number), kEperm);
}

TEST(EgressFilter, MakesTcpAndUdpSocketsOnly) {
  for (const std::uint64_t family : Each(AF_INET, AF_INET6)) {
    EXPECT_EQ(Egress(SYS_socket, {family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP}), kAllow);
    EXPECT_EQ(Egress(SYS_socket, {family, SOCK_STREAM, 0}), kAllow);
    EXPECT_EQ(Egress(SYS_socket, {family, SOCK_STREAM, 262}), kEperm);
    EXPECT_EQ(Egress(SYS_socket, {family, SOCK_DGRAM, IPPROTO_UDP}), kAllow);
    EXPECT_EQ(Egress(SYS_socket, {family, SOCK_DGRAM, IPPROTO_ICMP}), kEperm);
    EXPECT_EQ(Egress(SYS_socket, {family, SOCK_RAW, IPPROTO_TCP}), kEperm);
  }
  EXPECT_EQ(Egress(SYS_socket, {AF_UNIX, SOCK_STREAM, 0}), kEperm);
  EXPECT_EQ(Egress(SYS_socket, {AF_NETLINK, SOCK_RAW, 0}), kEperm);
}

TEST(EgressFilter, SetsOrdinarySocketOptionsOnly) {
  EXPECT_EQ(Egress(SYS_setsockopt, {0, IPPROTO_TCP, TCP_NODELAY}), kAllow);
  EXPECT_EQ(Egress(SYS_setsockopt, {0, SOL_SOCKET, SO_KEEPALIVE}), kAllow);
  EXPECT_EQ(Egress(SYS_setsockopt, {0, SOL_SOCKET, TCP_ULP}), kAllow);
  EXPECT_EQ(Egress(SYS_setsockopt, {0, IPPROTO_TCP, TCP_ULP}), kEperm);
  for (const std::uint64_t option :
       Each(SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF, SO_ATTACH_REUSEPORT_EBPF)) {
    EXPECT_EQ(Egress(SYS_setsockopt, {0, SOL_SOCKET, option}), kEperm) << option;
  }
  EXPECT_EQ(Egress(SYS_setsockopt, {0, IPPROTO_IP, 64 /* IPT_SO_SET_REPLACE */}), kEperm);
}

TEST(EgressFilter, ControlsDescriptorsNarrowly) {
  for (const std::uint64_t command :
       Each(F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ)) {
    EXPECT_EQ(Egress(SYS_fcntl, {0, command}), kAllow) << command;
  }
  for (const std::uint64_t command : Each(F_SETOWN, F_SETSIG, F_SETLEASE, F_NOTIFY, F_SETLK)) {
    EXPECT_EQ(Egress(SYS_fcntl, {0, command}), kEperm) << command;
  }
  EXPECT_EQ(Egress(SYS_ioctl, {0, FIONBIO}), kAllow);
  EXPECT_EQ(Egress(SYS_ioctl, {0, FIONREAD}), kAllow);
  EXPECT_EQ(Egress(SYS_ioctl, {0, TIOCSTI}), kEperm);
}

TEST(EgressFilter, MapsNoNewCode) {
  for (const long number : {SYS_mmap, SYS_mprotect}) {
    EXPECT_EQ(Egress(number, {0, 4096, 3}), kAllow);
    EXPECT_EQ(Egress(number, {0, 4096, 4}), kEperm);
    EXPECT_EQ(Egress(number, {0, 4096, 7 | kNoise}), kEperm);
  }
}

}  // namespace
}  // namespace ambit::plan
