#pragma once
// Test support: runs a piece of a test in a forked child that owns a fresh user and network
// namespace, as root and as an ordinary user alike. Failed expectations fail the calling test.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

namespace ambit::sys {

inline bool WriteWholeFile(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool ok = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return ok;
}

/// Enters fresh user and network namespaces with all capabilities over them; ids stay the same.
inline bool EnterNewNetwork() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  return WriteWholeFile("/proc/self/setgroups", "deny") &&
         WriteWholeFile("/proc/self/uid_map", fmt::format("{} {} 1", uid, uid)) &&
         WriteWholeFile("/proc/self/gid_map", fmt::format("{} {} 1", gid, gid));
}

template <class Body>
void InForkedChild(Body body) {
  ::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    body();
    ::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "child ended by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "expectations failed in the child, see above";
}

template <class Body>
void InNewNetwork(Body body) {
  InForkedChild([&body] {
    ASSERT_TRUE(EnterNewNetwork()) << "cannot make a user and network namespace";
    body();
  });
}

/// All of the calling process, which keeps its user.
inline void DropCapabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, 2> none{};
  ASSERT_EQ(::syscall(SYS_capset, &header, none.data()), 0);
}

}  // namespace ambit::sys
