#include "egress/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "sys/new_network_for_test.h"

namespace ambit::egress {
namespace {

using sys::InForkedChild;

constexpr HostIdentity kIdentity{.uid = 2'000'777, .gid = 2'000'777};

std::optional<HostIdentity> IdentityIfRoot() {
  return ::geteuid() == 0 ? std::optional(kIdentity) : std::nullopt;
}

int ErrnoOfOpen(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

TEST(Confine, NothingButTheKeptDescriptorsAndDevNullStays) {
  InForkedChild([] {
    const int kept = ::dup2(0, 40);
    ASSERT_EQ(kept, 40);
    ASSERT_GE(::dup2(0, 41), 0);
    ::setenv("SECRET", "hunter2", 1);
    const std::array keep = {kept};
    ASSERT_TRUE(LeaveTheSupervisor(keep));
    EXPECT_EQ(::fcntl(41, F_GETFD), -1);
    EXPECT_NE(::fcntl(40, F_GETFD), -1);
    for (int stream = 0; stream <= 2; ++stream) {
      EXPECT_EQ(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(stream)),
                "/dev/null");
    }
    EXPECT_EQ(std::getenv("SECRET"), nullptr);
    EXPECT_EQ(::getsid(0), ::getpid());
  });
}

TEST(Confine, HandlersOfTheSupervisorAreForgotten) {
  InForkedChild([] {
    ::signal(SIGTERM, [](int) {});
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ASSERT_TRUE(LeaveTheSupervisor({}));
    struct sigaction action{};
    ASSERT_EQ(::sigaction(SIGTERM, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_DFL);
    ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
    EXPECT_EQ(action.sa_handler, SIG_IGN);
    sigset_t now;
    ASSERT_EQ(::sigprocmask(SIG_SETMASK, nullptr, &now), 0);
    EXPECT_EQ(::sigismember(&now, SIGTERM), 0);
  });
}

TEST(Confine, RefusesToKeepAStandardStream) {
  const std::array keep = {2};
  EXPECT_FALSE(LeaveTheSupervisor(keep));
}

TEST(Confine, RootMustTakeAnIdentityAndNeverRootAgain) {
  EXPECT_FALSE(BecomeEgress(HostIdentity{.uid = 0, .gid = 0}));
  if (::geteuid() != 0) {
    EXPECT_TRUE(BecomeEgress(std::nullopt));
    return;
  }
  EXPECT_FALSE(BecomeEgress(std::nullopt));
  InForkedChild([] {
    ASSERT_TRUE(BecomeEgress(kIdentity));
    EXPECT_EQ(::getuid(), kIdentity.uid);
    EXPECT_EQ(::setuid(0), -1);
  });
}

TEST(Confine, LandlockAloneClosesTheFileSystem) {
  InForkedChild([] {
    ASSERT_EQ(ErrnoOfOpen("/etc/passwd", O_RDONLY), 0);
    ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_TRUE(CloseTheFileSystem());
    EXPECT_EQ(ErrnoOfOpen("/etc/passwd", O_RDONLY), EACCES);
    EXPECT_EQ(ErrnoOfOpen("/etc", O_RDONLY | O_DIRECTORY), EACCES);
    EXPECT_EQ(ErrnoOfOpen("/tmp/ambit-egress-test-file", O_WRONLY | O_CREAT), EACCES);
  });
}

TEST(Confine, AllWallsTogetherLeaveNoFilesProcessesOrNewKindsOfSockets) {
  InForkedChild([] {
    const pid_t parent = ::getppid();
    ASSERT_TRUE(BecomeEgress(IdentityIfRoot()));
    const auto raised = RaiseWalls();
    ASSERT_TRUE(raised) << raised.error().error.what;
    EXPECT_EQ(ErrnoOfOpen("/etc/passwd", O_RDONLY), EPERM);
    EXPECT_EQ(::fork(), -1);
    EXPECT_EQ(::kill(parent, 0), -1);
    EXPECT_EQ(::socket(AF_UNIX, SOCK_STREAM, 0), -1);
    EXPECT_EQ(::socket(AF_INET, SOCK_RAW, IPPROTO_UDP), -1);
    EXPECT_NE(::socket(AF_INET, SOCK_STREAM, 0), -1);
  });
}

TEST(Confine, DiesWithItsParentAfterTheLastChangeOfIdentity) {
  InForkedChild([] {
    ASSERT_TRUE(BecomeEgress(IdentityIfRoot()));
    const auto raised = RaiseWalls();
    ASSERT_TRUE(raised) << raised.error().error.what;
    // prctl itself is behind the wall by now, so the effect is tested below.
  });
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t supervisor = ::fork();
  ASSERT_GE(supervisor, 0);
  if (supervisor == 0) {
    if (::fork() == 0) {
      ::close(ends[0]);
      if (!BecomeEgress(IdentityIfRoot()) || !RaiseWalls()) ::_exit(1);
      (void)::write(ends[1], "r", 1);
      for (;;) ::nanosleep(std::array{timespec{.tv_sec = 60, .tv_nsec = 0}}.data(), nullptr);
    }
    ::close(ends[1]);
    char ready = 0;
    (void)::read(ends[0], &ready, 1);
    ::_exit(ready == 'r' ? 0 : 1);
  }
  ::close(ends[1]);
  int status = -1;
  ASSERT_EQ(::waitpid(supervisor, &status, 0), supervisor);
  ASSERT_EQ(status, 0);
  // The write end is closed when the orphan is dead: the read ends at once instead of in a minute.
  ::alarm(10);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::alarm(0);
  ::close(ends[0]);
}

}  // namespace
}  // namespace ambit::egress
