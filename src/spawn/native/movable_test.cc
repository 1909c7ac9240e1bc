#include "spawn/native/movable.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "spawn/native/tree_mirror.h"
#include "spawn/native/two_trees_for_test.h"

namespace ambit::spawn::native {
namespace {

namespace fs = std::filesystem;

/// `from` is to become movable, `to` is ours.
class MovableTest : public TwoTrees {
 protected:
  Replacement At(MoveStage stage) {
    stage_ = stage;
    return {.parent = parent_.get(), .name = "from", .ours = "to", .stage = stage_};
  }
  bool OursIsLeft() const { return fs::exists(root_ / "to"); }

  Fd parent_ = OpenPath(root_);
  std::atomic<MoveStage> stage_{};
};

TEST_F(MovableTest, ADirectoryThatMovesAnywayIsLeftAlone) {
  Write("from/file", "text");
  fs::remove(root_ / "to");
  const struct stat before = StatOf("from");
  EXPECT_EQ(MakeMovable(At(MoveStage::kAsking)), 0);
  EXPECT_EQ(StatOf("from").st_ino, before.st_ino);
  EXPECT_EQ(StatOf("from").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 1);
}

TEST_F(MovableTest, TwoNamesForOursAreNeverTheSame) {
  EXPECT_EQ(NameForOurs().find(kMovingPrefix), 0U);
  EXPECT_NE(NameForOurs(), NameForOurs());
}

TEST_F(MovableTest, TakesBackTheQuestionAndNothingThatItDidNotMake) {
  fs::create_directory(root_ / "to/taken");
  EXPECT_EQ(TakeBack(At(MoveStage::kAsking)), 0);
  EXPECT_FALSE(OursIsLeft());
  EXPECT_EQ(TakeBack(At(MoveStage::kAsking)), 0);
  Write("to/somebody's", "text");
  EXPECT_EQ(TakeBack(At(MoveStage::kAsking)), ENOTEMPTY);
  EXPECT_EQ(Read("to/somebody's"), "text");
}

TEST_F(MovableTest, TakesBackAHalfFilledTree) {
  Write("from/a/file", "text");
  fs::create_directory(root_ / "to/a");
  fs::create_hard_link(root_ / "from/a/file", root_ / "to/a/file");
  const struct stat before = StatOf("from/a");
  EXPECT_EQ(TakeBack(At(MoveStage::kFilling)), 0);
  EXPECT_FALSE(OursIsLeft());
  EXPECT_EQ(Read("from/a/file"), "text");
  EXPECT_EQ(StatOf("from/a").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST_F(MovableTest, PutsBackWhatHadBeenTakenOutOfTheDirectory) {
  Write("from/a/one", "one");
  Write("from/a/b/two", "two");
  Write("from/three", "three");
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 0550), 0);
  const struct stat before = StatOf("from/a");
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  ASSERT_EQ(TreeMirror(from.get(), to.get()).Fill(), 0);
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 0750), 0);
  fs::remove_all(root_ / "from/a/b");
  fs::remove(root_ / "from/three");
  EXPECT_EQ(TakeBack(At(MoveStage::kEmptying)), 0);
  EXPECT_FALSE(OursIsLeft());
  EXPECT_EQ(Read("from/a/one") + Read("from/a/b/two") + Read("from/three"), "onetwothree");
  EXPECT_EQ(StatOf("from/a").st_mode, before.st_mode);
  EXPECT_EQ(StatOf("from/a").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

TEST_F(MovableTest, ADirectoryThatIsGoneGetsItsContentBackWithItsName) {
  Write("to/file", "text");
  fs::remove(root_ / "from");
  EXPECT_EQ(TakeBack(At(MoveStage::kEmptying)), 0);
  EXPECT_FALSE(OursIsLeft());
  EXPECT_EQ(Read("from/file"), "text");
}

TEST_F(MovableTest, WhatCannotBePutBackStaysWholeInOurs) {
  Write("to/a/file", "text");
  Write("from/a", "a file where a directory was");
  EXPECT_EQ(TakeBack(At(MoveStage::kEmptying)), ENOTDIR);
  EXPECT_EQ(Read("to/a/file"), "text");
  EXPECT_EQ(Read("from/a"), "a file where a directory was");
}

TEST_F(MovableTest, NothingIsTakenBackWhenOursHasBecomeTheDirectory) {
  Write("from/file", "text");
  fs::remove(root_ / "to");
  EXPECT_EQ(TakeBack(At(MoveStage::kEmptying)), 0);
  EXPECT_EQ(Read("from/file"), "text");
}

}  // namespace
}  // namespace ambit::spawn::native
