#include "sys/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/fd.h"

namespace ambit::sys {
namespace {

// No file system of the kernel's own has projects, whatever the kernel was built with. Where there
// are some, tests/guest/check looks.
TEST(ProjectQuota, IsNotHeldWhereNoFileSystemHasIt) {
  for (const char* place : {"/proc", "/dev/shm"}) {
    const Fd dir(::open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(dir) << place;
    EXPECT_FALSE(HoldsProjectQuota(dir.get())) << place;
    EXPECT_FALSE(ReadProjectQuota(dir.get(), 1)) << place;
    const Status limited = LimitProject(dir.get(), 1, {.bytes = 4096});
    ASSERT_FALSE(limited) << place;
    EXPECT_NE(limited.error().what.find("set the quota of project 1"), std::string::npos);
  }
}

}  // namespace
}  // namespace ambit::sys
