// Both sides changed a file: what is offered, what an apply of it does, and that undo has the
// host's version.
#include "review/merge_offer.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "host/git_refs.h"
#include "review/apply_for_test.h"

namespace ambit::review {
namespace {

using ::testing::ElementsAre;
using testing::Project;
using testing::ReadAll;
using testing::WriteAll;
using testing::fs::path;
using workspace::testing::RunShell;

constexpr testing::Flavour kUser = {workspace::OverlayFlavour::kUser, "user"};
constexpr const char* kStart = "one\ntwo\nthree\nfour\nfive\n";

class MergeOffer : public ::testing::Test {
 protected:
  MergeOffer()
      : project_(kUser, [](const path& root) {
          for (const char* name : {"text", "other", "package.json"}) WriteAll(root / name, kStart);
          WriteAll(root / "binary", std::string("a\0b\n1\n2\n3\n4\n", 13));
          EXPECT_EQ(Git(root,
                        "init -q -b main . && git add -A && git -c user.name=T -c "
                        "user.email=t@example.invalid commit -qm start"),
                    0);
        }) {
    const auto git = host::InspectGitProject(project_.host(), {});
    EXPECT_TRUE(git);
    if (git) base_ = host::HeadCommitOf(*git).value_or("");
    EXPECT_EQ(base_.size(), 40U);
  }

  static int Git(const path& root, const std::string& arguments) {
    return RunShell("cd '" + root.string() + "' && git " + arguments + " >/dev/null 2>&1");
  }
  static void Replace(const path& file, const std::string& from, const std::string& to) {
    std::string text = ReadAll(file);
    text.replace(text.find(from), from.size(), to);
    WriteAll(file, text);
  }
  void Inside(const std::string& name, const std::string& from, const std::string& to) {
    ASSERT_TRUE(project_.overlay().InOverlay(
        [&] { Replace(project_.overlay().at("merged") / name, from, to); }));
  }
  void OnHost(const std::string& name, const std::string& from, const std::string& to) {
    Replace(project_.host() / name, from, to);
  }

  MergedVersions Offered() const {
    const auto ready = project_.Plan();
    EXPECT_TRUE(ready) << ready.error().what;
    auto offered = OfferMerges(ready->tree, ready->upper.get(), ready->plan, base_);
    EXPECT_TRUE(offered) << offered.error().what;
    return offered ? *std::move(offered) : MergedVersions();
  }
  std::vector<std::string> OfferedNames() const {
    std::vector<std::string> names;
    for (const auto& [name, version] : Offered()) {
      if (!version.in_conflict) names.push_back(name);
    }
    return names;
  }
  /// Of an apply that takes everything offered.
  std::string Applied(const MergedVersions& merged) const {
    const auto report = project_.Apply({.merged = merged});
    EXPECT_TRUE(report) << report.error().what;
    return report ? Project::Text(report->paths) : "";
  }

  Project project_;
  std::string base_;
};

TEST_F(MergeOffer, TheEditsOfBothArriveAndUndoHasTheHostsVersion) {
  Inside("text", "five", "FIVE");
  OnHost("text", "one", "ONE");
  ASSERT_EQ(::chmod((project_.host() / "text").c_str(), 0640), 0);
  const std::string hosts = ReadAll(project_.host() / "text");
  EXPECT_EQ(Applied({}), "conflict text: the host changed it meanwhile\n");  // never unasked
  EXPECT_EQ(ReadAll(project_.host() / "text"), hosts);
  EXPECT_EQ(Applied(Offered()), "M text\n");
  EXPECT_EQ(ReadAll(project_.host() / "text"), "ONE\ntwo\nthree\nfour\nFIVE\n");
  struct stat info{};
  ASSERT_EQ(::stat((project_.host() / "text").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_EQ(Applied({}), "");  // it has all of the run's already
  EXPECT_EQ(Applied(Offered()), "");
  const auto undone = project_.Undo();
  ASSERT_TRUE(undone && undone->Complete());
  EXPECT_EQ(ReadAll(project_.host() / "text"), hosts);
  EXPECT_EQ(Applied({}), "conflict text: the host changed it meanwhile\n");
  EXPECT_EQ(ReadAll(project_.host() / "text"), hosts);
}

TEST_F(MergeOffer, OnlyWhatMergesWithoutAConflictIsOffered) {
  Inside("text", "three", "of the run");
  OnHost("text", "three", "of the host");
  Inside("other", "one", "ONE");
  OnHost("other", "five", "FIVE");
  Inside("binary", "1", "one");
  OnHost("binary", "4", "four");
  ASSERT_TRUE(project_.overlay().InOverlay(
      [&] { WriteAll(project_.overlay().at("merged") / "fresh", "of the run"); }));
  WriteAll(project_.host() / "fresh", "of the host");  // there is no base
  EXPECT_THAT(OfferedNames(), ElementsAre("other"));
  const MergedVersions offered = Offered();
  EXPECT_TRUE(offered.at("text").in_conflict);
  EXPECT_THAT(Applied(offered),
              ::testing::HasSubstr("conflict text: the host changed it meanwhile: no merge, both "
                                   "changed the same lines\n"));
}

TEST_F(MergeOffer, AnEditOfTheHostAfterTheMergeIsAConflictAgain) {
  Inside("text", "five", "FIVE");
  OnHost("text", "one", "ONE");
  const MergedVersions offered = Offered();
  OnHost("text", "three", "THREE");
  EXPECT_EQ(Applied(offered), "conflict text: the host changed it meanwhile\n");
  EXPECT_EQ(ReadAll(project_.host() / "text"), "ONE\ntwo\nTHREE\nfour\nfive\n");
  // Even between the plan and the step.
  const auto ready = project_.Plan({.merged = Offered()});
  ASSERT_TRUE(ready);
  ASSERT_TRUE(ready->plan.Complete());
  OnHost("text", "four", "FOUR!");
  const auto report = Apply(project_.run(), ready->tree, ready->upper.get(), ready->plan, 0);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(Project::Text(report->paths), "conflict text: the host changed it meanwhile\n");
  EXPECT_EQ(ReadAll(project_.host() / "text"), "ONE\ntwo\nTHREE\nFOUR!\nfive\n");
}

TEST_F(MergeOffer, WhatTheHostCommittedSinceIsNoBase) {
  Inside("text", "five", "FIVE");
  OnHost("text", "one", "ONE");
  ASSERT_EQ(Git(project_.host(), "-c user.name=T -c user.email=t@example.invalid commit -qam on"),
            0);
  const std::string start = base_;
  EXPECT_EQ(Offered().at("text").text, "ONE\ntwo\nthree\nfour\nFIVE\n");
  // The control: with the newer commit as base the host's edit would be lost.
  base_ = host::HeadCommitOf(*host::InspectGitProject(project_.host(), {})).value_or("");
  ASSERT_NE(base_, start);
  EXPECT_EQ(Offered().at("text").text, "one\ntwo\nthree\nfour\nFIVE\n");
}

TEST_F(MergeOffer, LifecycleScriptsAreNeverMerged) {
  const std::string text = "{\n\"a\":1,\n\"b\":2,\n\"c\":3\n}\n";
  WriteAll(project_.host() / "package.json", text);
  ASSERT_EQ(Git(project_.host(), "-c user.name=T -c user.email=t@example.invalid commit -qam json"),
            0);
  base_ = host::HeadCommitOf(*host::InspectGitProject(project_.host(), {})).value_or("");
  Inside("package.json", "\"c\":3", "\"scripts\":{\"postinstall\":\"x\"}");
  OnHost("package.json", "\"a\":1", "\"a\":5");
  const auto ready = project_.Plan({.consents = {"package.json"}});
  ASSERT_TRUE(ready);
  const auto offered = OfferMerges(ready->tree, ready->upper.get(), ready->plan, base_);
  ASSERT_TRUE(offered);
  EXPECT_TRUE(offered->empty());
}

TEST_F(MergeOffer, WithoutACommitOfTheStartThereIsNone) {
  Inside("text", "five", "FIVE");
  OnHost("text", "one", "ONE");
  {
    const auto ready = project_.Plan();
    ASSERT_TRUE(ready);
    for (const char* commit : {"", "--help", "HEAD"}) {
      EXPECT_FALSE(OfferMerges(ready->tree, ready->upper.get(), ready->plan, commit)) << commit;
    }
  }
  base_ = std::string(40, 'a');  // one that is gone by now
  EXPECT_THAT(OfferedNames(), ElementsAre());
}

TEST(ApplyLogText, AMergedStepComesBackAsOne) {
  const auto back =
      DecodeSteps(EncodeSteps({{.kind = StepKind::kExchange, .path = "a", .merged = true},
                               {.kind = StepKind::kPlace, .path = "b", .moved = true},
                               {.kind = StepKind::kPlace, .path = "c"}}));
  ASSERT_TRUE(back);
  EXPECT_TRUE((*back)[0].merged && !(*back)[0].moved);
  EXPECT_TRUE((*back)[1].moved && !(*back)[1].merged);
  EXPECT_FALSE((*back)[2].moved || (*back)[2].merged);
}

}  // namespace
}  // namespace ambit::review
