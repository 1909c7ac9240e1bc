#include "review/apply.h"

#include <gmock/gmock.h>
#include <sys/xattr.h>

#include "review/apply_for_test.h"

namespace ambit::review {
namespace {

using testing::Project;
using testing::ReadAll;
using testing::WriteAll;
using testing::fs::path;

constexpr testing::Flavour kUser = {workspace::OverlayFlavour::kUser, "user"};

TEST(ApplyRules, ADirectoryStandsBeforeWhatItHolds) {
  EXPECT_TRUE(PathOrder()("a", "a/b"));
  EXPECT_TRUE(PathOrder()("a/b", "a b"));
  EXPECT_TRUE(PathOrder()("a/\xff", "a!"));
}

std::vector<Step> SomeSteps() {
  return {{.kind = StepKind::kTake, .path = "a\nb \xff", .slot = 1, .before = {.inode = 7}},
          {.kind = StepKind::kPlace,
           .path = "x",
           .slot = 2,
           .after = {.inode = ~0ULL, .mode = 0100644, .size = 1ULL << 62, .mtime_ns = -5},
           .mode = 0100755,
           .moved = true}};
}

TEST(ApplyLogText, StepsComeBackAsTheyWereWritten) {
  const auto steps = SomeSteps();
  const auto back = DecodeSteps(EncodeSteps(steps));
  ASSERT_TRUE(back) << back.error().what;
  ASSERT_EQ(back->size(), steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ((*back)[i].kind, steps[i].kind);
    EXPECT_EQ((*back)[i].path, steps[i].path);
    EXPECT_EQ((*back)[i].slot, steps[i].slot);
    EXPECT_EQ((*back)[i].before, steps[i].before);
    EXPECT_EQ((*back)[i].after, steps[i].after);
    EXPECT_EQ((*back)[i].mode, steps[i].mode);
    EXPECT_EQ((*back)[i].moved, steps[i].moved);
  }
  EXPECT_TRUE(DecodeSteps(EncodeSteps({}))->empty());
}

TEST(ApplyLogText, ADamagedRecordIsNeverHalfUsed) {
  const std::string whole = EncodeSteps(SomeSteps());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(DecodeSteps(whole.substr(0, length))) << length;
  }
  EXPECT_FALSE(DecodeSteps(whole + "x"));
  LeftBehind left = {{"", {.inode = 1, .ctime_ns = 2}},
                     {"a b", {.inode = 3, .ctime_ns = -4, .merged = true}}};
  const LeftBehind back = DecodeLeft(EncodeLeft(left));
  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back.at("").inode, 1U);
  EXPECT_EQ(back.at("a b").ctime_ns, -4);
  EXPECT_TRUE(back.at("a b").merged && !back.at("").merged);
  const LeftBehind older =
      DecodeLeft(std::string_view("1 2 .\0"
                                  "3 -4 7 x\0",
                                  15));
  ASSERT_EQ(older.size(), 2U);
  EXPECT_EQ(older.at("7 x").inode, 3U);
}

TEST(Apply, AttributesDoNotCross) {
  Project project(kUser, [](const path& root) { WriteAll(root / "old", "old"); });
  ASSERT_TRUE(project.overlay().Edited([](const path& root) {
    WriteAll(root / "new", "new");
    ASSERT_EQ(::setxattr((root / "new").c_str(), "user.note", "x", 1, 0), 0);
  }));
  const auto report = project.Apply();
  ASSERT_TRUE(report) << report.error().what;
  char value[8];
  EXPECT_EQ(::getxattr((project.host() / "new").c_str(), "user.note", value, sizeof value), -1);
  EXPECT_EQ(ReadAll(project.host() / "new"), "new");
}

TEST(Apply, AFileSomebodyIsWritingStays) {
  Project project(kUser, [](const path& root) {
    WriteAll(root / "open", "old");
    WriteAll(root / "free", "old");
  });
  ASSERT_TRUE(project.overlay().Edited([](const path& root) {
    WriteAll(root / "open", "agent");
    WriteAll(root / "free", "agent");
  }));
  const Fd writer(::open((project.host() / "open").c_str(), O_WRONLY | O_CLOEXEC));
  const auto report = project.Apply();
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(Project::Text(report->paths), "M free\nconflict open: the host changed it meanwhile\n");
  EXPECT_EQ(ReadAll(project.host() / "open"), "old");
  EXPECT_EQ(ReadAll(project.host() / "free"), "agent");
}

TEST(Apply, ADirectoryAndAFileMayChangePlaces) {
  Project project(kUser, [](const path& root) {
    testing::fs::create_directories(root / "dir" / "sub");
    WriteAll(root / "dir" / "sub" / "x", "x");
    WriteAll(root / "file", "file");
  });
  ASSERT_TRUE(project.overlay().Edited([](const path& root) {
    testing::fs::remove_all(root / "dir");
    testing::fs::remove(root / "file");
    WriteAll(root / "dir", "now a file");
    testing::fs::create_directory(root / "file");
    WriteAll(root / "file" / "y", "y");
    testing::fs::permissions(root / "file", testing::fs::perms(0555));
  }));
  const auto report = project.Apply();
  ASSERT_TRUE(report && report->Complete());
  EXPECT_EQ(testing::Snapshot(project.host()), testing::Snapshot(project.overlay().at("plain")));
  const auto undone = project.Undo();
  ASSERT_TRUE(undone && undone->Complete()) << Project::Text(undone->paths);
  EXPECT_EQ(testing::Snapshot(project.host()), testing::Snapshot(project.overlay().at("original")));
}

TEST(Apply, WhatWasDeclinedStaysWithItsDirectory) {
  Project project(kUser, [](const path& root) {
    testing::fs::create_directory(root / "gone");
    WriteAll(root / "gone" / "a", "a");
    WriteAll(root / "gone" / "b", "b");
  });
  ASSERT_TRUE(project.overlay().Edited([](const path& root) {
    testing::fs::remove_all(root / "gone");
    WriteAll(root / "new", "new");
  }));
  const auto report = project.Apply({.paths = {}, .declined = {"gone/a", "new"}, .consents = {}});
  ASSERT_TRUE(report);
  EXPECT_EQ(Project::Text(report->paths), "held gone: something in it stays\nD gone/b\n");
  EXPECT_EQ(ReadAll(project.host() / "gone" / "a"), "a");
  EXPECT_FALSE(testing::fs::exists(project.host() / "new"));
}

TEST(ApplyLog, OfAnInterruptedApplyKeepsTheRunFromBeingRemoved) {
  const Project project(kUser, [](const path& root) { WriteAll(root / "old", "old"); });
  EXPECT_TRUE(RefuseUnfinished(project.run()));  // nothing was applied yet
  auto log = ApplyLog::Begin(project.run(), /*renames=*/false);
  ASSERT_TRUE(log) << log.error().what;
  for (const Phase phase : {Phase::kStaging, Phase::kRunning, Phase::kSaving, Phase::kUndoing}) {
    ASSERT_TRUE(log->SetPhase(phase));
    EXPECT_FALSE(RefuseUnfinished(project.run()));
  }
  ASSERT_TRUE(log->SetPhase(Phase::kDone));
  EXPECT_TRUE(RefuseUnfinished(project.run()));
}

}  // namespace
}  // namespace ambit::review
