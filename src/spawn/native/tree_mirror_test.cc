#include "spawn/native/tree_mirror.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "spawn/native/two_trees_for_test.h"

namespace ambit::spawn::native {
namespace {

namespace fs = std::filesystem;

using TreeMirrorTest = TwoTrees;

TEST_F(TreeMirrorTest, FillsWithDirectoriesOfTheSameKindAndLinksToTheFiles) {
  Write("from/a/file", "text");
  fs::create_hard_link(root_ / "from/a/file", root_ / "from/again");
  fs::create_symlink("nowhere", root_ / "from/a/link");
  ASSERT_EQ(::setxattr((root_ / "from/a").c_str(), "user.note", "x", 1, 0), 0);
  const timespec times[] = {{.tv_sec = 7, .tv_nsec = 8}, {.tv_sec = 9, .tv_nsec = 10}};
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 02510), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "from/a").c_str(), times, 0), 0);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  ASSERT_EQ(TreeMirror(from.get(), to.get()).Fill(), 0);

  EXPECT_EQ(StatOf("to/a/file").st_ino, StatOf("from/a/file").st_ino);
  EXPECT_EQ(StatOf("to/again").st_nlink, 4U);
  EXPECT_EQ(fs::read_symlink(root_ / "to/a/link"), "nowhere");
  EXPECT_EQ(StatOf("to/a").st_mode, static_cast<mode_t>(S_IFDIR | 02510));
  EXPECT_EQ(StatOf("to/a").st_mtim.tv_sec, 9);
  EXPECT_EQ(StatOf("to/a").st_mtim.tv_nsec, 10);
  char value = 0;
  EXPECT_EQ(::getxattr((root_ / "to/a").c_str(), "user.note", &value, 1), 1);
  EXPECT_EQ(value, 'x');
}

TEST_F(TreeMirrorTest, DrainsWhatIsThereTwiceAlsoInADirectoryThatMayNotBeWritten) {
  Write("from/a/file", "text");
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 0555), 0);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  TreeMirror mirror(from.get(), to.get());
  ASSERT_EQ(mirror.Fill(), 0);
  ASSERT_EQ(mirror.Drain(), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "from"));
  EXPECT_EQ(Read("to/a/file"), "text");
  EXPECT_EQ(StatOf("to/a").st_mode & 07777, 0555U);
}

TEST_F(TreeMirrorTest, TakesAlongWhatWasAddedAndReplacedMeanwhile) {
  Write("from/a/kept", "kept");
  Write("from/a/replaced", "old");
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  TreeMirror mirror(from.get(), to.get());
  ASSERT_EQ(mirror.Fill(), 0);
  Write("from/a/late", "late");
  Write("from/later/late", "late");
  Write("from/a/replacement", "new text");
  fs::rename(root_ / "from/a/replacement", root_ / "from/a/replaced");
  ASSERT_EQ(mirror.Drain(), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "from"));
  EXPECT_EQ(Read("to/a/replaced"), "new text");
  EXPECT_EQ(Read("to/a/late") + Read("to/later/late") + Read("to/a/kept"), "latelatekept");
}

TEST_F(TreeMirrorTest, PutsBackWhatWasDrained) {
  Write("from/a/file", "text");
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 0750), 0);
  const timespec before = StatOf("from/a").st_mtim;
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  TreeMirror forth(from.get(), to.get());
  ASSERT_EQ(forth.Fill(), 0);
  ASSERT_EQ(forth.Drain(), 0);
  ASSERT_EQ(TreeMirror(to.get(), from.get()).Fill(), 0);
  ASSERT_EQ(RemoveContents(to.get()), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "to"));
  EXPECT_EQ(Read("from/a/file"), "text");
  EXPECT_EQ(StatOf("from/a").st_mode & 07777, 0750U);
  EXPECT_EQ(StatOf("from/a").st_mtim.tv_nsec, before.tv_nsec);
}

TEST_F(TreeMirrorTest, ATreeThatIsTooDeepIsAnObstacleBeforeAnythingIsMade) {
  MakeDeep("from", kDeepestTree);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  EXPECT_EQ(TreeMirror(from.get(), to.get()).FindObstacle(), 0);
  MakeDeep("from", kDeepestTree + 1);
  EXPECT_EQ(TreeMirror(from.get(), to.get()).FindObstacle(), EXDEV);
  EXPECT_TRUE(fs::is_empty(root_ / "to"));
}

TEST_F(TreeMirrorTest, FilesOfOthersAreAnObstacleBeforeAnythingIsMade) {
  Write("from/a/file", "text");
  const bool root = ::geteuid() == 0;  // nobody else gives a file away; a user has those of root
  if (root) ASSERT_EQ(::chown((root_ / "from/a/file").c_str(), 0, 4), 0);
  const Fd from = OpenPath(root ? root_ / "from" : fs::path("/"));
  const Fd to = OpenPath(root_ / "to");
  EXPECT_EQ(TreeMirror(from.get(), to.get()).FindObstacle(), EOVERFLOW);
  EXPECT_TRUE(fs::is_empty(root_ / "to"));
}

TEST_F(TreeMirrorTest, WhatWasMadeOfATreeThatBecameTooDeepCanBeRemoved) {
  MakeDeep("from", kDeepestTree + 1);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  EXPECT_EQ(TreeMirror(from.get(), to.get()).Fill(), EXDEV);
  EXPECT_FALSE(fs::is_empty(root_ / "to"));
  EXPECT_EQ(RemoveContents(to.get()), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "to"));
}

TEST_F(TreeMirrorTest, StopsAtAMountPoint) {
  const Fd top = OpenPath("/");
  EXPECT_FALSE(OpenDirectory(top.get(), "proc"));
  EXPECT_EQ(errno, EXDEV);
}

TEST_F(TreeMirrorTest, FollowsNoSymbolicLink) {
  Write("elsewhere/file", "text");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "from/link");
  const Fd from = OpenPath(root_ / "from");
  EXPECT_FALSE(OpenDirectory(from.get(), "link"));
  ASSERT_EQ(RemoveContents(from.get()), 0);
  EXPECT_EQ(Read("elsewhere/file"), "text");
}

}  // namespace
}  // namespace ambit::spawn::native
