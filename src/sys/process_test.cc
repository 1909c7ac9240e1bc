#include "sys/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ambit::sys {
namespace {

TEST(Reap, WaitsAlsoWhenTheDescriptorIsNonBlocking) {
  Result<Child> child = Clone(0);
  ASSERT_TRUE(child.has_value());
  if (child->pid == 0) {
    ::usleep(50'000);
    ::_exit(7);
  }
  ASSERT_EQ(::fcntl(child->pidfd.get(), F_SETFL, O_NONBLOCK), 0);
  const Result<int> status = Reap(child->pidfd.get());
  ASSERT_TRUE(status.has_value()) << status.error().what;
  EXPECT_EQ(WEXITSTATUS(*status), 7);
}

TEST(FillStandardStreams, PointsClosedOnesToNullAndLeavesTheOthers) {
  Result<Child> child = Clone(0);
  ASSERT_TRUE(child.has_value());
  if (child->pid == 0) {
    struct stat out_before{};
    struct stat out_after{};
    struct stat in{};
    ::fstat(1, &out_before);
    ::close(0);
    ::close(2);
    const bool filled = FillStandardStreams().has_value();
    ::fstat(1, &out_after);
    ::fstat(0, &in);
    const bool right = filled && out_before.st_ino == out_after.st_ino && S_ISCHR(in.st_mode) &&
                       ::fcntl(2, F_GETFD) == 0;
    ::_exit(right ? 0 : 1);
  }
  const Result<int> status = Reap(child->pidfd.get());
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(*status, 0);
}

}  // namespace
}  // namespace ambit::sys
