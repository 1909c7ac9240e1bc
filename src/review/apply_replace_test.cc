// Both sides changed a file and a person takes the run's version by name: it arrives, undo has the
// host's, and what nobody named stays.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "review/apply_for_test.h"

namespace ambit::review {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Project;
using testing::ReadAll;
using testing::Snapshot;
using testing::WriteAll;
using testing::fs::path;
namespace fs = testing::fs;

constexpr testing::Flavour kUser = {workspace::OverlayFlavour::kUser, "user"};
const std::string kBinary("\0\1\2 binary", 10);

ApplyRequest Replacing(const std::vector<std::string>& paths) {
  ApplyRequest request;
  request.replaced = paths;
  return request;
}

class ApplyReplace : public ::testing::Test {
 protected:
  ApplyReplace()
      : project_(kUser, [](const path& root) {
          for (const char* name : {"touched", "edited", "deleted", "mode", "gone", "other"}) {
            WriteAll(root / name, "start");
          }
          WriteAll(root / "binary", kBinary);
          fs::create_symlink("edited", root / "link");
          fs::create_directory(root / "closed");
        }) {}

  void Inside(const std::function<void(const path& root)>& edit) {
    ASSERT_TRUE(project_.overlay().Edited(edit));
  }
  path Host(const std::string& name) const { return project_.host() / name; }
  std::string Applied(const ApplyRequest& request = {}) const {
    const auto report = project_.Apply(request);
    return report ? Project::Text(report->paths) : report.error().what;
  }
  /// The host is as before the apply, and a plain apply finds the same conflicts as before it.
  void ExpectTheWayBack(const std::map<std::string, std::string>& before,
                        const std::string& conflicts) const {
    const auto undone = project_.Undo();
    ASSERT_TRUE(undone) << undone.error().what;
    EXPECT_TRUE(undone->Complete()) << Project::Text(undone->paths);
    EXPECT_EQ(Snapshot(project_.host()), before);
    EXPECT_EQ(Applied(), conflicts) << "what undo brought back is an edit of the host's";
    EXPECT_EQ(Snapshot(project_.host()), before);
  }
  /// `path` stays a conflict for `reason` until it is named, then it arrives as `arrived`.
  void ExpectReplaced(const std::string& name, const std::string& reason,
                      const std::string& arrived) const {
    const auto before = Snapshot(project_.host());
    const std::string conflict = "conflict " + name + ": " + reason + "\n";
    EXPECT_EQ(Applied(), conflict);
    EXPECT_EQ(Snapshot(project_.host()), before);
    EXPECT_EQ(Applied(Replacing({name})), arrived);
    EXPECT_EQ(Snapshot(project_.host()), Snapshot(project_.overlay().at("plain")));
    EXPECT_EQ(Applied(), "") << "nothing is left to do";
    ExpectTheWayBack(before, conflict);
  }

  Project project_;
};

constexpr const char* kChanged = "the host changed it meanwhile";

TEST_F(ApplyReplace, AFileThatWasOnlyTouched) {
  Inside([](const path& root) { WriteAll(root / "touched", "agent"); });
  WriteAll(Host("touched"), "start");
  ExpectReplaced("touched", kChanged, "M touched\n");
  const auto ready = project_.Plan(Replacing({"touched"}));
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->plan.paths.at(0).reason, std::string("although ") + kChanged);
  EXPECT_TRUE(ready->plan.paths.at(0).replaced);
}

TEST_F(ApplyReplace, ABinaryFile) {
  Inside([](const path& root) { WriteAll(root / "binary", kBinary + "agent"); });
  WriteAll(Host("binary"), kBinary + "host");
  ExpectReplaced("binary", kChanged, "M binary\n");
}

TEST_F(ApplyReplace, ADeletion) {
  Inside([](const path& root) { fs::remove(root / "deleted"); });
  WriteAll(Host("deleted"), "of the host");
  ExpectReplaced("deleted", kChanged, "D deleted\n");
}

TEST_F(ApplyReplace, AMode) {
  Inside([](const path& root) { fs::permissions(root / "mode", fs::perms(0755)); });
  fs::permissions(Host("mode"), fs::perms(0600));
  ExpectReplaced("mode", kChanged, "M mode\n");
}

TEST_F(ApplyReplace, ALink) {
  const auto to = [](const path& link, const char* target) {
    fs::remove(link);
    fs::create_symlink(target, link);
  };
  Inside([&](const path& root) { to(root / "link", "other"); });
  to(Host("link"), "gone");
  ExpectReplaced("link", kChanged, "M link\n");
}

TEST_F(ApplyReplace, WhatBothMade) {
  Inside([](const path& root) { WriteAll(root / "made", "agent"); });
  WriteAll(Host("made"), "host");
  ExpectReplaced("made", kChanged, "M made\n");
}

TEST_F(ApplyReplace, AFileInThePlaceOfALink) {
  Inside([](const path& root) { WriteAll(root / "made", "agent"); });
  fs::create_symlink("edited", Host("made"));
  ExpectReplaced("made", kChanged, "M made\n");
  EXPECT_EQ(ReadAll(Host("edited")), "start");
}

TEST_F(ApplyReplace, WhatTheHostDeleted) {
  Inside([](const path& root) { WriteAll(root / "gone", "agent"); });
  fs::remove(Host("gone"));
  ExpectReplaced("gone", "the host deleted or renamed it meanwhile", "A gone\n");
}

TEST_F(ApplyReplace, OnlyWhatIsNamed) {
  Inside([](const path& root) {
    for (const char* name : {"touched", "edited", "other"}) WriteAll(root / name, "agent");
  });
  for (const char* name : {"touched", "edited"}) WriteAll(Host(name), "host");
  EXPECT_EQ(Applied(Replacing({"edited"})),
            "M edited\nM other\nconflict touched: the host changed it meanwhile\n");
  EXPECT_EQ(ReadAll(Host("touched")), "host");
}

TEST_F(ApplyReplace, AnEditBetweenThePlanAndTheApplyIsStillAConflict) {
  Inside([](const path& root) {
    WriteAll(root / "edited", "agent");
    fs::remove(root / "deleted");
    WriteAll(root / "gone", "agent");
  });
  for (const char* name : {"edited", "deleted"}) WriteAll(Host(name), "seen");
  fs::remove(Host("gone"));
  const auto ready = project_.Plan(Replacing({"edited", "deleted", "gone"}));
  ASSERT_TRUE(ready);
  EXPECT_TRUE(ready->plan.Complete()) << Project::Text(ready->plan.paths);
  for (const char* name : {"edited", "deleted", "gone"}) WriteAll(Host(name), "written since");
  const auto report =
      review::Apply(project_.run(), ready->tree, ready->upper.get(), ready->plan, 0);
  ASSERT_TRUE(report);
  EXPECT_EQ(Project::Text(report->paths),
            "conflict deleted: the host changed it meanwhile\n"
            "conflict edited: the host changed it meanwhile\n"
            "conflict gone: the host made it meanwhile\n");
  for (const char* name : {"edited", "deleted", "gone"}) {
    EXPECT_EQ(ReadAll(Host(name)), "written since") << name;
  }
}

TEST_F(ApplyReplace, ADirectoryIsNeverReplacedNorGivesWay) {
  Inside([](const path& root) {
    WriteAll(root / "file", "agent");
    fs::create_directory(root / "directory");
    WriteAll(root / "directory" / "x", "agent");
    fs::permissions(root / "closed", fs::perms(0700));
  });
  fs::create_directory(Host("file"));
  WriteAll(Host("file") / "mine", "host");
  WriteAll(Host("directory"), "host");
  WriteAll(Host("closed") / "mine", "host");
  const auto before = Snapshot(project_.host());
  const std::string report = Applied(Replacing({"file", "directory", "closed"}));
  EXPECT_EQ(Snapshot(project_.host()), before) << report;
  for (const char* name : {"file", "directory", "closed"}) {
    EXPECT_THAT(report, ::testing::ContainsRegex(std::string("conflict ") + name +
                                                 ": .*not of directories"));
  }
}

TEST_F(ApplyReplace, TheGateStaysInForce) {
  Inside([](const path& root) { WriteAll(root / ".envrc", "agent"); });
  WriteAll(Host(".envrc"), "host");
  EXPECT_THAT(Applied(Replacing({".envrc"})), HasSubstr("held .envrc: "));
  EXPECT_EQ(ReadAll(Host(".envrc")), "host");
  ApplyRequest both = Replacing({".envrc"});
  both.consents = {".envrc"};
  EXPECT_EQ(Applied(both), "M .envrc\n");
  EXPECT_EQ(ReadAll(Host(".envrc")), "agent");
}

TEST_F(ApplyReplace, GoesBeforeAMerge) {
  Inside([](const path& root) { WriteAll(root / "edited", "agent"); });
  WriteAll(Host("edited"), "host");
  ApplyRequest request = Replacing({"edited"});
  struct stat info{};
  ASSERT_EQ(::lstat(Host("edited").c_str(), &info), 0);
  request.merged["edited"] = {.text = "merged", .hunks = "hunks", .host = SeenOf(info)};
  EXPECT_EQ(Applied(request), "M edited\n");
  EXPECT_EQ(ReadAll(Host("edited")), "agent");
}

TEST_F(ApplyReplace, OnAnotherFileSystemTheHostsVersionIsKeptToo) {
  const Project project(
      kUser, [](const path& root) { WriteAll(root / "edit", "start"); }, "/dev/shm");
  ASSERT_TRUE(project.overlay().Edited([](const path& root) { WriteAll(root / "edit", "agent"); }));
  WriteAll(project.host() / "edit", "host");
  ASSERT_TRUE(project.Apply(Replacing({"edit"})));
  EXPECT_EQ(ReadAll(project.host() / "edit"), "agent");
  ASSERT_TRUE(project.Undo());
  EXPECT_EQ(ReadAll(project.host() / "edit"), "host");
  const auto again = project.Apply();
  ASSERT_TRUE(again);
  EXPECT_EQ(Project::Text(again->paths), "conflict edit: the host changed it meanwhile\n");
}

TEST(ApplyLogText, SaysWhatWasReplaced) {
  std::vector<Step> steps(2);
  steps[0].path = "a";
  steps[1].path = "b";
  steps[1].replaced = true;
  const auto back = DecodeSteps(EncodeSteps(steps));
  ASSERT_TRUE(back);
  std::vector<bool> replaced;
  for (const Step& step : *back) replaced.push_back(step.replaced);
  EXPECT_THAT(replaced, ElementsAre(false, true));
}

}  // namespace
}  // namespace ambit::review
