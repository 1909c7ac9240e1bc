// The shipped filters under the running kernel: each test confines a child of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

#include "plan/filter.h"
#include "sys/seccomp.h"

namespace ambit::plan {
namespace {

constexpr int kNotConfined = 200;

/// The wait status of a child that ran `body` under `filter`.
template <class Body>
int StatusUnder(std::span<const sock_filter> filter, Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) ::_exit(kNotConfined);
    if (sys::InstallFilterRaw(filter) != 0) ::_exit(kNotConfined);
    ::_exit(body());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

template <class Body>
void ExpectZeroUnder(std::span<const sock_filter> filter, Body body) {
  const int status = StatusUnder(filter, body);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

bool Refused(int err, long result) { return result == -1 && errno == err; }

int ExitOf(const char* program) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program, program, static_cast<char*>(nullptr));
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

TEST(AgentFilterInKernel, RefusesWithTheErrnoOfTheRule) {
  ExpectZeroUnder(AgentFilter(), [] {
    if (!Refused(ENOSYS, ::syscall(SYS_clone3, nullptr, 0))) return 1;
    if (!Refused(EPERM, ::syscall(SYS_io_uring_setup, 1, nullptr))) return 2;
    if (!Refused(EPERM, ::unshare(CLONE_NEWUSER))) return 3;
    if (!Refused(EPERM, ::syscall(SYS_bpf, 0, nullptr, 0))) return 4;
    if (!Refused(EPERM, ::syscall(SYS_keyctl, 0, 0, 0, 0, 0))) return 5;
    if (!Refused(EPERM, ::ioctl(0, TIOCSTI, "x"))) return 6;
    if (!Refused(EPERM, ::syscall(SYS_ioctl, 0, TIOCSTI | 1UL << 40, "x"))) return 7;
    if (!Refused(EAFNOSUPPORT, ::socket(AF_VSOCK, SOCK_STREAM, 0))) return 8;
    if (!Refused(EPROTONOSUPPORT, ::socket(AF_NETLINK, SOCK_RAW, 12))) return 9;
    if (!Refused(EPERM, ::syscall(SYS_mknodat, AT_FDCWD, "/nonexistent/n", S_IFCHR, 0))) return 10;
    if (!Refused(ENOSYS, ::syscall(500))) return 11;
    if (!Refused(EPERM, ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0))) return 12;
    return 0;
  });
}

TEST(AgentFilterInKernel, ForksExecutesAndWaits) {
  ExpectZeroUnder(AgentFilter(), [] { return ExitOf("/bin/true"); });
}

TEST(AgentFilterInKernel, StartsThreadsThoughClone3IsMissing) {
  ExpectZeroUnder(AgentFilter(), [] {
    int seen = 1;
    std::thread([&seen] { seen = 0; }).join();
    return seen;
  });
}

TEST(AgentFilterInKernel, TracesOwnChildren) {
  ExpectZeroUnder(AgentFilter(), [] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      ::_exit(7);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSTOPPED(status)) return 1;
    if (::ptrace(PTRACE_CONT, child, nullptr, nullptr) != 0) return 2;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : 3;
  });
}

TEST(AgentFilterInKernel, HoldsInsideAFilterOfTheProgramItself) {
  ExpectZeroUnder(AgentFilter(), [] {
    const sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, 0x7fff0000)};
    if (sys::InstallFilterRaw(allow_all) != 0) return 1;
    return Refused(EPERM, ::unshare(CLONE_NEWUSER)) ? 0 : 2;
  });
}

#if defined(__x86_64__)
TEST(AgentFilterInKernel, KillsTheProcessOnA32BitCall) {
  const int status = StatusUnder(AgentFilter(), [] {
    long result = 20;  // getpid of i386
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}

TEST(AgentFilterInKernel, KillsTheProcessOnAnX32Call) {
  const int status = StatusUnder(AgentFilter(), [] {
    ::syscall(0x4000'0000 | SYS_getpid);
    return 0;
  });
  ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
  EXPECT_EQ(WTERMSIG(status), SIGSYS);
}
#endif

TEST(EgressFilterInKernel, RelaysOverSocketsAndRefusesTheRest) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  const int epoll = ::epoll_create1(0);
  ExpectZeroUnder(EgressFilter(), [&] {
    epoll_event event{.events = EPOLLIN, .data = {.fd = pair[1]}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event) != 0) return 1;
    if (::write(pair[0], "x", 1) != 1) return 2;
    if (::epoll_wait(epoll, &event, 1, 1000) != 1) return 3;
    char byte = 0;
    if (::read(pair[1], &byte, 1) != 1 || byte != 'x') return 4;
    const int upstream = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (upstream < 0 || ::close(upstream) != 0) return 5;
    if (!Refused(EPERM, ::open("/etc/passwd", O_RDONLY | O_CLOEXEC))) return 6;
    if (!Refused(EPERM, ::fork())) return 7;
    if (!Refused(EPERM, ::execl("/bin/true", "true", static_cast<char*>(nullptr)))) return 8;
    if (!Refused(EPERM, ::kill(::getpid(), 0))) return 9;
    void* code = ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code != MAP_FAILED) return 10;
    return 0;
  });
  ::close(pair[0]);
  ::close(pair[1]);
  ::close(epoll);
}

TEST(EgressFilterInKernel, AbortStillEndsTheProcess) {
  const int status = StatusUnder(EgressFilter(), []() -> int { ::abort(); });
  // SIGSEGV from the trap instruction, or whatever a sanitizer makes of it.
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == kNotConfined);
  EXPECT_NE(status, 0);
}

}  // namespace
}  // namespace ambit::plan
