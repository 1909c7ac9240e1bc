#include "plan/filter.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "plan/bpf_evaluator_for_test.h"
#include "plan/filter_rules.h"

namespace ambit::plan {
namespace {

std::string ReadWhole(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// AMBIT_UPDATE_GOLDEN=1 in the environment rewrites the file instead of comparing.
void ExpectGolden(const std::string& file, const std::string& text) {
  const std::string path = std::string(AMBIT_GOLDEN_DIR) + "/" + file;
  const char* update = std::getenv("AMBIT_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream out(path, std::ios::trunc);
    out << text;
    ASSERT_TRUE(out.flush()) << path;
    return;
  }
  EXPECT_EQ(ReadWhole(path), text) << "AMBIT_UPDATE_GOLDEN=1 writes " << path << " anew";
}

std::uint32_t NumberOf(std::string_view name) {
  static const auto numbers = [] {
    std::map<std::string_view, std::uint32_t> all;
    for (std::uint32_t number = 0; number < 600; ++number) {
      if (const auto named = SystemCallName(number)) all[*named] = number;
    }
    return all;
  }();
  const auto found = numbers.find(name);
  EXPECT_NE(found, numbers.end()) << "no rule names " << name;
  return found == numbers.end() ? 599 : found->second;
}

#if defined(__x86_64__)  // goldens and old calls are of this architecture
TEST(AgentFilter, IsTheReviewedProgram) {
  ExpectGolden("filter-agent.txt", Disassemble(AgentFilter()));
}
TEST(AgentFilter, OfEveryKindOfRunIsTheReviewedProgram) {
  ExpectGolden("filter-agent-renames.txt", Disassemble(AgentFilter(Told::kRenames)));
  ExpectGolden("filter-agent-writes.txt", Disassemble(AgentFilter(Told::kWrites)));
  ExpectGolden("filter-agent-opens.txt", Disassemble(AgentFilter(Told::kOpens)));
}
TEST(EgressFilter, IsTheReviewedProgram) {
  ExpectGolden("filter-egress.txt", Disassemble(EgressFilter()));
}

TEST(AgentFilter, AllowsWhatCodingAgentsCallOrHasTheirFallback) {
  // What nine coding agents were seen to call, in one list. Three have a fallback in every
  // runtime: clone3 to clone, io_uring to epoll.
  constexpr std::string_view kSeen =
      "access arch_prctl bind brk capget chdir chmod clock_gettime clock_nanosleep clone clone3 "
      "close close_range connect copy_file_range dup dup2 epoll_create epoll_create1 epoll_ctl "
      "epoll_pwait epoll_pwait2 epoll_wait eventfd2 execve exit exit_group faccessat2 fadvise64 "
      "fallocate fchdir fchmod fchown fcntl flock fstat fstatfs fsync ftruncate futex "
      "get_mempolicy getcwd getdents64 getegid geteuid getgid getpeername getpgrp getpid getppid "
      "getrandom getrusage getsockname getsockopt gettid getuid inotify_add_watch inotify_init1 "
      "inotify_rm_watch io_uring_enter io_uring_setup ioctl kill link listen lseek lstat madvise "
      "memfd_create mkdir mmap mprotect munmap nanosleep newfstatat open openat pidfd_open pipe2 "
      "poll prctl pread64 prlimit64 pselect6 pwrite64 pwritev read readlink recvfrom recvmsg "
      "rename renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigprocmask rt_sigreturn "
      "rt_sigsuspend sched_getaffinity sched_getparam sched_getscheduler sched_setscheduler "
      "sched_yield sendmmsg sendto set_mempolicy set_robust_list set_tid_address setpgid setsid "
      "setsockopt shutdown sigaltstack socket socketpair stat statfs statx symlink sysinfo tgkill "
      "timerfd_create timerfd_settime umask uname unlink unlinkat utimensat vfork wait4 waitid "
      "write writev";
  const std::map<std::string_view, Answer> fallbacks = {{"clone3", Answer::Errno(38)},
                                                        {"io_uring_setup", Answer::Errno(1)},
                                                        {"io_uring_enter", Answer::Errno(1)}};
  std::istringstream words{std::string(kSeen)};
  int calls = 0;
  for (std::string name; words >> name; ++calls) {
    const auto fallback = fallbacks.find(name);
    const Answer expected = fallback == fallbacks.end() ? Answer::Allow() : fallback->second;
    // socket and socketpair with AF_UNIX, a stream; zero for all others.
    const std::uint64_t first = name.starts_with("socket") ? 1 : 0;
    const auto ret =
        EvaluateBpfForTest(AgentFilter(), CallForTest(NumberOf(name), {first, first, 0, 0, 0, 0}));
    ASSERT_TRUE(ret);
    EXPECT_EQ(Answer{*ret}, expected) << name;
  }
  EXPECT_EQ(calls, 134);
}
#endif

TEST(AgentFilter, IsShort) {
  for (const Told told : {Told::kNothing, Told::kRenames, Told::kWrites, Told::kOpens}) {
    EXPECT_LE(AgentFilter(told).size(), 200U);
  }
}
TEST(EgressFilter, IsShort) { EXPECT_LE(EgressFilter().size(), 200U); }

TEST(AgentFilter, DecidesCallsWithoutConditionsInFewSteps) {
  for (const std::string_view name : {"read", "openat", "futex", "epoll_pwait", "execve", "mmap"}) {
    const auto trace = TraceBpfForTest(AgentFilter(), CallForTest(NumberOf(name)));
    ASSERT_TRUE(trace);
    EXPECT_LE(trace->steps, 12) << name;
  }
}

TEST(SystemCallName, KnowsTheCallsThatRulesName) {
  EXPECT_EQ(SystemCallName(SYS_openat), "openat");
  EXPECT_EQ(SystemCallName(462), "mseal");
  EXPECT_EQ(SystemCallName(599), std::nullopt);
}

TEST(Disassemble, ShowsForeignInstructionsAsNumbers) {
  const sock_filter foreign[] = {BPF_STMT(BPF_LDX | BPF_IMM, 7),
                                 BPF_STMT(BPF_RET | BPF_K, 0x7ff00000)};
  EXPECT_EQ(Disassemble(foreign), "   0  code 0x1 jt 0 jf 0 k 0x7\n   1  0x7ff00000\n");
}

}  // namespace
}  // namespace ambit::plan
