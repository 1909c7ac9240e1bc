#include "sys/seccomp.h"

#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace ambit::sys {
namespace {

/// What `body` returns in a process of its own; -1 when a signal ended it.
template <class Body>
int InChild(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const std::vector<sock_filter> kRefuseGetppid = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

TEST(InstallFilter, ConfinesTheCallerAndItsChildren) {
  EXPECT_EQ(InChild([] {
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
              if (::syscall(SYS_getppid) <= 0) return 2;
              if (InstallFilterRaw(kRefuseGetppid) != 0) return 3;
              if (::syscall(SYS_getppid) != -1 || errno != EDOM) return 4;
              const pid_t child = ::fork();
              if (child == 0) ::_exit(::syscall(SYS_getppid) == -1 && errno == EDOM ? 0 : 1);
              int status = 0;
              ::waitpid(child, &status, 0);
              return status == 0 ? 0 : 5;
            }),
            0);
}

TEST(InstallFilter, ReturnsTheKernelsRefusal) {
  EXPECT_EQ(InChild([] {
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
              const std::vector<sock_filter> no_return = {BPF_STMT(BPF_LD | BPF_IMM, 0)};
              if (InstallFilterRaw(no_return) != EINVAL) return 2;
              const auto refused = InstallFilter(no_return);
              return !refused && refused.error().sys_errno == EINVAL ? 0 : 3;
            }),
            0);
}

TEST(InstallFilter, NeverCutsAProgramThatIsTooLong) {
  // 65536 + 4 instructions: a length of 16 bits would see the four good ones.
  std::vector<sock_filter> program(65536, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  program.insert(program.begin(), kRefuseGetppid.begin(), kRefuseGetppid.end());
  EXPECT_EQ(InChild([&] {
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
              if (InstallFilterRaw(program) != EINVAL) return 2;
              return ::syscall(SYS_getppid) > 0 ? 0 : 3;
            }),
            0);
}

TEST(InstallFilter, NeedsNoNewPrivilegesFromAnOrdinaryUser) {
  EXPECT_EQ(InChild([] {
              if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 1;
              return InstallFilterRaw(kRefuseGetppid) == EACCES ? 0 : 2;
            }),
            0);
}

const std::vector<sock_filter> kNotifyOfGetppid = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

TEST(InstallNotifyingFilter, HearsOfACallAndLetsItGoOnOrRefusesIt) {
  EXPECT_EQ(InChild([] {
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
              const Result<Fd> listener = InstallNotifyingFilter(kNotifyOfGetppid);
              if (!listener) return 2;
              const pid_t self = ::getpid();
              const pid_t child = ::fork();
              if (child == 0) {
                if (::syscall(SYS_getppid) != self) ::_exit(1);
                ::_exit(::syscall(SYS_getppid) == -1 && errno == EXDEV ? 0 : 2);
              }
              const auto first = ReceiveNotification(listener->get());
              if (!first || first->pid != static_cast<__u32>(child)) return 3;
              if (first->data.nr != SYS_getppid || !StillWaits(listener->get(), first->id))
                return 4;
              LetTheKernelDoIt(listener->get(), first->id);
              const auto second = ReceiveNotification(listener->get());
              if (!second || StillWaits(listener->get(), first->id)) return 5;
              Refuse(listener->get(), second->id, EXDEV);
              int status = 0;
              if (::waitpid(child, &status, 0) != child) return 6;
              return WIFEXITED(status) ? 10 * WEXITSTATUS(status) : 7;
            }),
            0);
}

TEST(InstallNotifyingFilter, IsTheOnlyOneInAChainOfFilters) {
  EXPECT_EQ(InChild([] {
              if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
              const Result<Fd> listener = InstallNotifyingFilter(kNotifyOfGetppid);
              const Result<Fd> second = InstallNotifyingFilter(kNotifyOfGetppid);
              return listener && !second && second.error().sys_errno == EBUSY ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace ambit::sys
