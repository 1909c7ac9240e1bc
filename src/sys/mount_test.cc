#include "sys/mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <filesystem>

#include "sys/new_network_for_test.h"

namespace ambit::sys {
namespace {

constexpr long kTmpfsMagic = 0x01021994;  // TMPFS_MAGIC, statfs(2)

bool IsNewTmpfs(const char* path, dev_t before) {
  struct stat info{};
  struct statfs system{};
  return ::stat(path, &info) == 0 && info.st_dev != before && ::statfs(path, &system) == 0 &&
         system.f_type == kTmpfsMagic;
}

dev_t DeviceOf(const char* path) {
  struct stat info{};
  EXPECT_EQ(::stat(path, &info), 0);
  return info.st_dev;
}

/// Needs a user namespace and a first mount namespace of the test's own, as an ordinary user does.
template <class Body>
void AsOwnerOfMounts(Body body) {
  InNewNetwork([&body] {
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    body();
  });
}

TEST(InOwnMounts, WhatIsAttachedIsSeenInTheBodyOnly) {
  AsOwnerOfMounts([] {
    const dev_t before = DeviceOf("/tmp");
    bool inside = false;
    const Status done = InOwnMounts([&] {
      const Result<Fd> tmpfs = NewFilesystem("tmpfs", {}, 0);
      ASSERT_TRUE(tmpfs) << tmpfs.error().what;
      ASSERT_TRUE(AttachTree(tmpfs->get(), AT_FDCWD, "/tmp"));
      inside = IsNewTmpfs("/tmp", before);
    });
    ASSERT_TRUE(done) << done.error().what;
    EXPECT_TRUE(inside);
    EXPECT_EQ(DeviceOf("/tmp"), before);
  });
}

TEST(InOwnMounts, NamespaceRootAndWorkingDirectoryAreTheCallersAgain) {
  AsOwnerOfMounts([] {
    ASSERT_TRUE(MakeMountsPrivate());
    // A root that is not that of the mount namespace, and a working directory below it.
    const Result<Fd> tmpfs = NewFilesystem("tmpfs", {}, 0);
    ASSERT_TRUE(tmpfs) << tmpfs.error().what;
    const Result<Fd> proc = CloneTree(AT_FDCWD, "/proc", true);
    ASSERT_TRUE(proc) << proc.error().what;
    ASSERT_TRUE(AttachTree(tmpfs->get(), AT_FDCWD, "/tmp"));
    ASSERT_EQ(::mkdir("/tmp/proc", 0755), 0);
    ASSERT_EQ(::mkdir("/tmp/below", 0755), 0);
    ASSERT_TRUE(AttachTree(proc->get(), AT_FDCWD, "/tmp/proc"));
    ASSERT_EQ(::chdir("/tmp"), 0);
    ASSERT_EQ(::chroot("."), 0);
    ASSERT_EQ(::chdir("/below"), 0);
    const std::filesystem::path space = std::filesystem::read_symlink("/proc/self/ns/mnt");
    std::filesystem::path inside;
    const Status done =
        InOwnMounts([&] { inside = std::filesystem::read_symlink("/proc/self/ns/mnt"); });
    ASSERT_TRUE(done) << done.error().what;
    EXPECT_NE(inside, space);
    EXPECT_EQ(std::filesystem::read_symlink("/proc/self/ns/mnt"), space);
    EXPECT_EQ(std::filesystem::current_path(), "/below");
    EXPECT_TRUE(std::filesystem::exists("/proc/self"));
    EXPECT_FALSE(std::filesystem::exists("/etc"));
  });
}

}  // namespace
}  // namespace ambit::sys
