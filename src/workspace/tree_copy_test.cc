#include "workspace/tree_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/fd.h"
#include "sys/file.h"
#include "workspace/run_removal.h"

namespace ambit::workspace {
namespace {

/// From one file system to another: from memory to the disk.
class TreeCopyTest : public ::testing::Test {
 protected:
  TreeCopyTest() {
    std::string from = "/dev/shm/ambit-test-copy-XXXXXX";
    std::string to = "/var/tmp/ambit-test-copy-XXXXXX";
    EXPECT_NE(::mkdtemp(from.data()), nullptr);
    EXPECT_NE(::mkdtemp(to.data()), nullptr);
    paths_ = {from, to};
    from_ = Fd(::open(from.c_str(), O_RDONLY | O_DIRECTORY));
    to_ = Fd(::open(to.c_str(), O_RDONLY | O_DIRECTORY));
    EXPECT_EQ(::mkdirat(from_.get(), "tree", 0755), 0);
  }
  ~TreeCopyTest() override {
    for (const std::string& path : paths_) {
      const std::size_t slash = path.rfind('/');
      const Fd above(::open(path.substr(0, slash).c_str(), O_RDONLY | O_DIRECTORY));
      EXPECT_TRUE(RemoveTree(above.get(), path.substr(slash + 1)));
    }
  }

  void Write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    EXPECT_TRUE(sys::WriteNewFile(from_.get(), name.c_str(), text, mode)) << name;
  }
  Status Copy() const { return CopyTree(from_.get(), "tree", to_.get(), "copy"); }

  static struct stat StatAt(const Fd& dir, const std::string& name) {
    struct stat info{};
    EXPECT_EQ(::fstatat(dir.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW), 0) << name;
    return info;
  }
  std::string Read(const std::string& name) const {
    return sys::ReadSmallFile(to_.get(), name.c_str(), 1 << 20).value_or("cannot be read");
  }

  std::array<std::string, 2> paths_;
  Fd from_;
  Fd to_;
};

TEST_F(TreeCopyTest, ContentModesAndTimesAreKept) {
  Write("tree/plain", "text");
  Write("tree/\n\x1b[31m", "odd");
  Write("tree/empty", "");
  ::fchmodat(from_.get(), "tree/plain", 04751, 0);
  ::mkdirat(from_.get(), "tree/dir", 0700);
  Write("tree/dir/below", "deeper");
  ::fchmodat(from_.get(), "tree/dir", 01777, 0);
  const std::array<timespec, 2> times = {timespec{1000, 1}, timespec{2000, 123456789}};
  for (const char* name : {"tree/plain", "tree/dir", "tree"}) {
    ::utimensat(from_.get(), name, times.data(), 0);
  }
  const Status copied = Copy();
  ASSERT_TRUE(copied) << copied.error().what;
  EXPECT_EQ(Read("copy/plain"), "text");
  EXPECT_EQ(Read("copy/\n\x1b[31m"), "odd");
  EXPECT_EQ(Read("copy/empty"), "");
  EXPECT_EQ(Read("copy/dir/below"), "deeper");
  EXPECT_EQ(StatAt(to_, "copy/plain").st_mode & 07777, 04751U);
  EXPECT_EQ(StatAt(to_, "copy/dir").st_mode & 07777, 01777U);
  for (const char* name : {"copy/plain", "copy/dir", "copy"}) {
    EXPECT_EQ(StatAt(to_, name).st_mtim.tv_sec, 2000) << name;
    EXPECT_EQ(StatAt(to_, name).st_mtim.tv_nsec, 123456789) << name;
  }
}

TEST_F(TreeCopyTest, WhiteoutsLinksFifosAndMarksAreKept) {
  ASSERT_EQ(::mknodat(from_.get(), "tree/gone", S_IFCHR, makedev(0, 0)), 0);
  ASSERT_EQ(::mkfifoat(from_.get(), "tree/fifo", 0600), 0);
  ASSERT_EQ(::symlinkat("/etc/passwd", from_.get(), "tree/link"), 0);
  ASSERT_EQ(::mkdirat(from_.get(), "tree/opaque", 0755), 0);
  const std::string opaque = paths_[0] + "/tree/opaque";
  ASSERT_EQ(::setxattr(opaque.c_str(), "user.overlay.opaque", "y", 1, 0), 0);
  const Status copied = Copy();
  ASSERT_TRUE(copied) << copied.error().what;
  EXPECT_TRUE(S_ISCHR(StatAt(to_, "copy/gone").st_mode));
  EXPECT_EQ(StatAt(to_, "copy/gone").st_rdev, makedev(0, 0));
  EXPECT_TRUE(S_ISFIFO(StatAt(to_, "copy/fifo").st_mode));
  EXPECT_EQ(sys::ReadLink(to_.get(), "copy/link").value_or(""), "/etc/passwd");
  std::array<char, 8> value{};
  EXPECT_EQ(::getxattr((paths_[1] + "/copy/opaque").c_str(), "user.overlay.opaque", value.data(),
                       value.size()),
            1);
}

TEST_F(TreeCopyTest, AFileWithSeveralNamesIsOneAgain) {
  ::mkdirat(from_.get(), "tree/a", 0755);
  ::mkdirat(from_.get(), "tree/b", 0755);
  Write("tree/a/one", "same");
  ASSERT_EQ(::linkat(from_.get(), "tree/a/one", from_.get(), "tree/b/two", 0), 0);
  ASSERT_EQ(::linkat(from_.get(), "tree/a/one", from_.get(), "tree/three", 0), 0);
  ASSERT_TRUE(Copy());
  EXPECT_EQ(StatAt(to_, "copy/a/one").st_ino, StatAt(to_, "copy/b/two").st_ino);
  EXPECT_EQ(StatAt(to_, "copy/a/one").st_ino, StatAt(to_, "copy/three").st_ino);
  EXPECT_EQ(StatAt(to_, "copy/three").st_nlink, 3U);
}

TEST_F(TreeCopyTest, HolesStayHoles) {
  Write("tree/sparse", "begin");
  const Fd file(::openat(from_.get(), "tree/sparse", O_WRONLY));
  constexpr off_t kHuge = 1LL << 40;
  ASSERT_EQ(::pwrite(file.get(), "end", 3, kHuge), 3);
  ASSERT_TRUE(Copy());
  const struct stat info = StatAt(to_, "copy/sparse");
  EXPECT_EQ(info.st_size, kHuge + 3);
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
  const Fd copy(::openat(to_.get(), "copy/sparse", O_RDONLY));
  std::array<char, 3> end{};
  EXPECT_EQ(::pread(copy.get(), end.data(), 3, kHuge), 3);
  EXPECT_EQ(std::string(end.data(), 3), "end");
}

TEST_F(TreeCopyTest, WhatHasNoPermissionsIsCopiedAllTheSame) {
  ::mkdirat(from_.get(), "tree/closed", 0755);
  Write("tree/closed/secret", "text", 0);
  ::fchmodat(from_.get(), "tree/closed", 0, 0);
  const Status copied = Copy();
  ASSERT_TRUE(copied) << copied.error().what;
  EXPECT_EQ(StatAt(to_, "copy/closed").st_mode & 07777, 0U);
  ::fchmodat(to_.get(), "copy/closed", 0700, 0);
  EXPECT_EQ(StatAt(to_, "copy/closed/secret").st_mode & 07777, 0U);
  ::fchmodat(to_.get(), "copy/closed/secret", 0600, 0);
  EXPECT_EQ(Read("copy/closed/secret"), "text");
}

TEST_F(TreeCopyTest, NoDepthIsTooMuch) {
  constexpr int kDeep = 300;
  Fd at(::openat(from_.get(), "tree", O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < kDeep; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "d", 0755), 0);
    at = Fd(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY));
  }
  ASSERT_TRUE(sys::WriteNewFile(at.get(), "leaf", "bottom", 0644));
  const Status copied = Copy();
  ASSERT_TRUE(copied) << copied.error().what;
  Fd down(::openat(to_.get(), "copy", O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < kDeep; ++i) down = Fd(::openat(down.get(), "d", O_RDONLY | O_DIRECTORY));
  EXPECT_EQ(sys::ReadSmallFile(down.get(), "leaf", 100).value_or(""), "bottom");
}

TEST_F(TreeCopyTest, NothingIsPutOverWhatIsThere) {
  ASSERT_EQ(::mkdirat(to_.get(), "copy", 0755), 0);
  EXPECT_FALSE(Copy());
}

}  // namespace
}  // namespace ambit::workspace
