#include "workspace/run_removal.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "workspace/overlay_for_test.h"

namespace ambit::workspace {
namespace {

using ::testing::HasSubstr;
using testing::RunShell;
using testing::TempTree;
using ::testing::UnorderedElementsAre;
using testing::WriteAll;
namespace fs = std::filesystem;

class Removal : public ::testing::Test {
 protected:
  Removal()
      : store_(*RunStore::Open(tree_.path() / "runs", true)), run_(*store_.Create(*NewRunId())) {}

  fs::path At(const std::string& name) const { return fs::path(run_.path) / name; }
  void Sh(const std::string& script) const {
    ASSERT_EQ(RunShell("cd '" + run_.path + "' && umask 022 && " + script), 0) << script;
  }
  void Finish(bool alive = false) {
    RunMeta meta{.id = run_.id, .project = "/p", .cwd = "/p", .argv = {"x"}, .started_ns = 1};
    ASSERT_TRUE(SetSupervisorToSelf(meta));
    if (!alive) meta.finished_ns = 2;
    ASSERT_TRUE(RunStore::WriteMeta(run_, meta));
  }
  std::vector<std::string> Left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(run_.path)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  TempTree tree_;
  RunStore store_;
  RunDir run_;
};

TEST_F(Removal, DiscardDropsTheWorkAndKeepsTheRecord) {
  Finish();
  WriteAll(At("plan.json"), "{}");
  WriteAll(At("journal.jsonl"), "{}");
  Sh("mkdir -p upper/project/a mask work/project && echo x > upper/project/a/b");
  EXPECT_TRUE(HasWork(run_));
  EXPECT_FALSE(HasMark(run_, kDiscardedMark));
  ASSERT_TRUE(DiscardWork(run_));
  EXPECT_THAT(Left(), UnorderedElementsAre("meta.json", "plan.json", "journal.jsonl", "discarded"));
  EXPECT_TRUE(HasMark(run_, kDiscardedMark));
  EXPECT_FALSE(HasWork(run_));
  EXPECT_TRUE(RunStore::ReadMeta(run_));
  EXPECT_TRUE(DiscardWork(run_));  // again does no harm
}

TEST_F(Removal, StopsWhenItsTimeIsOverAndCanBeGoneOnWith) {
  Finish();
  Sh("mkdir -p upper/project/a && touch upper/project/a/b");
  const Status late = RemoveRun(store_, run_, std::chrono::steady_clock::now());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::kLimit);
  EXPECT_TRUE(fs::exists(At("upper/project/a/b")));
  EXPECT_TRUE(HasMark(run_, kDiscardedMark)) << "nobody reads half of it";
  ASSERT_TRUE(RemoveRun(store_, run_));
  EXPECT_FALSE(fs::exists(run_.path));
}

TEST_F(Removal, RemovingARunLeavesNothingOfIt) {
  Finish();
  Sh("mkdir -p upper/project && echo x > upper/project/b && echo x > other");
  ASSERT_TRUE(RemoveRun(store_, run_));
  EXPECT_FALSE(fs::exists(run_.path));
  EXPECT_TRUE(store_.List()->empty());
}

TEST_F(Removal, ARunThatIsAliveIsLeftAlone) {
  Finish(/*alive=*/true);
  Sh("mkdir -p upper/project && echo x > upper/project/b");
  EXPECT_EQ(DiscardWork(run_).error().code, Errc::kInvalidArgument);
  EXPECT_THAT(RemoveRun(store_, run_).error().what, HasSubstr("still running"));
  EXPECT_TRUE(fs::exists(At("upper/project/b")));
  EXPECT_FALSE(HasMark(run_, kDiscardedMark));
}

TEST_F(Removal, ARunWithoutARecordMayBeStarting) {
  EXPECT_THAT(RemoveRun(store_, run_).error().what, HasSubstr("no record yet"));
  EXPECT_TRUE(fs::exists(At("upper")));
}

TEST_F(Removal, ARunThatAnotherProcessRemovesIsLeftToIt) {
  Finish();
  const RunDir other = *store_.OpenRun(run_.id);
  ASSERT_EQ(::flock(other.fd.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_THAT(DiscardWork(run_).error().what, HasSubstr("is in use: another apply"));
  EXPECT_FALSE(HasMark(run_, kDiscardedMark));
}

TEST_F(Removal, NoPermissionsHinderIt) {
  Finish();
  Sh("mkdir -p work/project/work upper/project/locked/below upper/project/unsearchable && "
     "echo x > upper/project/locked/below/f && echo x > upper/project/unsearchable/f && "
     "echo x > upper/project/mode000 && chmod 000 upper/project/mode000 "
     "upper/project/locked/below upper/project/locked work/project/work && "
     "chmod 600 upper/project/unsearchable && chmod 1555 upper/project && chmod 000 upper");
  ASSERT_TRUE(RemoveRun(store_, run_));
  EXPECT_FALSE(fs::exists(run_.path));
}

TEST_F(Removal, NoLinkIsFollowed) {
  Finish();
  fs::create_directories(tree_.path() / "host/dir");
  WriteAll(tree_.path() / "host/file", "mine");
  WriteAll(tree_.path() / "host/dir/file", "mine");
  Sh("mkdir upper/project && cd upper/project && ln -s ../../../../host host && "
     "ln -s ../../../../host/file file && ln -s / root && ln -s .. up && ln -s self self && "
     "mkfifo fifo && ln ../../../../host/file hard");
  fs::remove(At("home"));
  fs::create_directory_symlink(tree_.path() / "host", At("home"));
  ASSERT_TRUE(RemoveRun(store_, run_));
  EXPECT_FALSE(fs::exists(run_.path));
  EXPECT_EQ(testing::ReadAll(tree_.path() / "host/file"), "mine");
  EXPECT_EQ(testing::ReadAll(tree_.path() / "host/dir/file"), "mine");
}

/// Lowers the limit of descriptors while it lives, so that one for each level would not do.
class FewDescriptors {
 public:
  FewDescriptors() {
    (void)::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = 100, .rlim_max = before_.rlim_max};
    (void)::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { (void)::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
};

/// `levels` directories one in the other, each with a file beside it, all without permissions when
/// `locked`.
void MakeDeep(const fs::path& top, int levels, bool locked) {
  Fd dir(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(dir);
  for (int i = 0; i < levels; ++i) {
    ASSERT_EQ(::mkdirat(dir.get(), "deep-1", 0700), 0);
    Fd file(::openat(dir.get(), "deep-0", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(file);
    Fd below(::openat(dir.get(), "deep-1", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(below);
    if (locked) {
      ASSERT_EQ(::fchmod(dir.get(), 0), 0);
    }
    dir = std::move(below);
  }
}

TEST_F(Removal, DepthDoesNotHinderIt) {
  Finish();
  fs::create_directory(At("upper/project"));
  MakeDeep(At("upper/project"), 3000, /*locked=*/false);
  fs::create_directory(At("home/locked"));
  MakeDeep(At("home/locked"), 200, /*locked=*/true);
  const FewDescriptors limit;
  ASSERT_TRUE(DiscardWork(run_));
  EXPECT_THAT(Left(), UnorderedElementsAre("meta.json", "discarded"));
}

TEST_F(Removal, ManyFilesDoNotHinderIt) {
  Finish();
  fs::create_directory(At("upper/project"));
  for (int i = 0; i < 5000; ++i) WriteAll(At("upper/project") / std::to_string(i), "");
  const FewDescriptors limit;
  ASSERT_TRUE(RemoveRun(store_, run_));
  EXPECT_FALSE(fs::exists(run_.path));
}

TEST_F(Removal, WhatCannotGoIsNamedAndTheRestGoes) {
  if (::geteuid() != 0) return;  // only root can make a file that nobody can remove
  Finish();
  fs::create_directory(At("upper/project"));
  WriteAll(At("upper/project/a"), "");
  WriteAll(At("upper/project/immutable"), "");
  WriteAll(At("upper/project/z"), "");
  const Fd file(::open(At("upper/project/immutable").c_str(), O_RDONLY | O_CLOEXEC));
  int flags = FS_IMMUTABLE_FL;
  ASSERT_EQ(::ioctl(file.get(), FS_IOC_SETFLAGS, &flags), 0);
  const Status removed = RemoveRun(store_, run_);
  flags = 0;
  ASSERT_EQ(::ioctl(file.get(), FS_IOC_SETFLAGS, &flags), 0);
  ASSERT_FALSE(removed);
  EXPECT_THAT(removed.error().what, HasSubstr("immutable"));
  EXPECT_EQ(removed.error().code, Errc::kDenied);
  EXPECT_THAT(Left(), UnorderedElementsAre("meta.json", "discarded", "upper"));
  EXPECT_FALSE(fs::exists(At("upper/project/a")));
  EXPECT_FALSE(fs::exists(At("upper/project/z")));
  EXPECT_TRUE(RemoveRun(store_, run_));
}

TEST_F(Removal, SizeCountsWhatIsOnDisk) {
  const std::uint64_t empty = SizeOnDisk(run_);
  WriteAll(At("upper/file"), std::string(1U << 20, 'x'));
  Sh("truncate -s 1G upper/sparse && ln upper/file upper/again && ln -s / upper/root");
  const std::uint64_t size = SizeOnDisk(run_);
  EXPECT_GE(size, empty + (1U << 20));
  EXPECT_LT(size, empty + (2U << 20));
  MakeDeep(At("home"), 300, /*locked=*/false);
  const FewDescriptors limit;
  const std::uint64_t deep = SizeOnDisk(run_);
  EXPECT_GE(deep, size);
  WriteAll(At("upper/second"), std::string(1U << 20, 'x'));
  EXPECT_GE(SizeOnDisk(run_), deep + (1U << 20));
}

TEST_F(Removal, ATreeThatIsNotThereIsNoError) {
  EXPECT_TRUE(RemoveTree(run_.fd.get(), "nothing"));
  EXPECT_TRUE(fs::exists(At("upper")));
}

}  // namespace
}  // namespace ambit::workspace
