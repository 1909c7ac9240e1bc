// ambit undo where several runs were applied to one project: in which order, and what is left of
// it when a run's record or work is gone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class UndoOrder : public ApplyTest {
 protected:
  UndoOrder() {
    for (const char* name : {"a", "b", "c"}) {
      person_.Write(std::string("project/") + name, "start\n");
    }
  }
  std::string Runs() const { return person_.home() + "/.local/state/ambit/runs"; }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    if (!fs::exists(Runs())) return ids;
    for (const auto& entry : fs::directory_iterator(Runs())) ids.push_back(entry.path().filename());
    return ids;
  }
  /// Runs a script, applies it all, and returns the id of the run.
  std::string Applied(const std::string& script) {
    const std::vector<std::string> before = Ids();
    Run(script);
    EXPECT_EQ(ApplyYes().exit_code, 0);
    for (const std::string& id : Ids()) {
      if (std::ranges::find(before, id) == before.end()) return id;
    }
    return "r-none0000";
  }
  Finished Undo(const std::string& run = {}) {
    return person_.Ambit(run.empty() ? std::vector<std::string>{"undo"}
                                     : std::vector<std::string>{"undo", run});
  }
  void ExpectRefused(const Finished& done, const std::vector<std::string>& named) {
    EXPECT_EQ(done.exit_code, 125) << done.out;
    for (const std::string& text : named) EXPECT_THAT(done.err, HasSubstr(text));
  }
};
INSTANTIATE_TEST_SUITE_P(As, UndoOrder, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(UndoOrder, AnOlderApplyIsNotTakenForTheLastOneThatWasRemoved) {
  const std::string first = Applied("echo 1 > a");
  const std::string second = Applied("echo 2 > b");
  const std::string third = Applied("echo 3 > c");
  ASSERT_EQ(person_.Ambit({"rm", third}).exit_code, 0);
  const std::string before = Tree();
  ExpectRefused(Undo(), {"of run " + third, "removed", "'ambit undo " + second + "'"});
  EXPECT_EQ(Tree(), before);
  EXPECT_EQ(Undo(second).exit_code, 0);
  EXPECT_EQ(Host("cat a b c").out, "1\nstart\n3\n");
  ExpectRefused(Undo(), {"of run " + third, "'ambit undo " + first + "'"});
  // What is applied after all that is the last one again.
  ASSERT_EQ(person_.Ambit({"apply", "--yes", second}).exit_code, 0);
  EXPECT_EQ(Undo().exit_code, 0);
  EXPECT_EQ(Host("cat a b c").out, "1\nstart\n3\n");
  EXPECT_EQ(Undo(first).exit_code, 0);
  EXPECT_EQ(Host("cat a b c").out, "start\nstart\n3\n");
  ExpectRefused(Undo(), {"nothing was applied"});
}

TEST_P(UndoOrder, PruneTellsTheOlderOnesToo) {
  const std::string first = Applied("echo 1 > a");
  const std::string second = Applied("echo 2 > b");
  // As if the newer run had ended days ago: then prune takes that one alone.
  ASSERT_EQ(person_
                .Execute({"python3", "-c",
                          "import json,sys,time; p=sys.argv[1]; m=json.load(open(p)); "
                          "m['finished_ns']-=5*86400*10**9; json.dump(m,open(p,'w'))",
                          Runs() + "/" + second + "/meta.json"})
                .exit_code,
            0);
  ASSERT_EQ(person_.Ambit({"prune", "--older-than", "2"}).exit_code, 0);
  ASSERT_EQ(Ids(), std::vector<std::string>{first});
  ExpectRefused(Undo(), {"of run " + second, "'ambit undo " + first + "'"});
  EXPECT_EQ(Undo(first).exit_code, 0);
}

TEST_P(UndoOrder, ARemovedRunThatWasNotAppliedLeavesTheOrderAsItIs) {
  Applied("echo 1 > a");
  Run("echo 2 > b");
  const std::string undone = Applied("echo 3 > c");
  ASSERT_EQ(Undo().exit_code, 0);
  for (const std::string& id : Ids()) {
    if (!fs::exists(Runs() + "/" + id + "/applied") || id == undone) {
      ASSERT_EQ(person_.Ambit({"rm", id}).exit_code, 0);
    }
  }
  ASSERT_EQ(Ids().size(), 1U);
  EXPECT_EQ(Undo().exit_code, 0);
  EXPECT_EQ(Host("cat a b c").out, "start\nstart\nstart\n");
}

TEST_P(UndoOrder, OfAnotherProjectNothingIsSaid) {
  const std::string here = Applied("echo 1 > a");
  const std::string other = person_.root() + "/other";
  ASSERT_EQ(Host("mkdir " + other).exit_code, 0);
  ASSERT_EQ(person_.Ambit({"run", "-q", "-C", other, "--", "touch", "x"}).exit_code, 0);
  ASSERT_EQ(person_.Ambit({"apply", "--yes", "-C", other}).exit_code, 0);
  for (const std::string& id : Ids()) {
    if (id != here) ASSERT_EQ(person_.Ambit({"rm", id}).exit_code, 0);
  }
  EXPECT_EQ(Undo().exit_code, 0);
  EXPECT_EQ(person_.Read("project/a"), "start\n");
}

TEST_P(UndoOrder, ADiscardedRunIsStillTakenBack) {
  const std::string before = Tree();
  const std::string run = Applied("echo 1 > a; rm b; echo 1 > new");
  ASSERT_EQ(person_.Ambit({"discard", "--yes"}).out, run + "\n");
  const Finished again = ApplyYes();
  EXPECT_THAT(again.err, HasSubstr("was discarded"));
  const Finished undone = Undo();
  EXPECT_EQ(undone.exit_code, 0) << undone.err;
  EXPECT_EQ(undone.out, "M a\nA b\nD new\n");
  EXPECT_EQ(Tree(), before);
  ExpectRefused(Undo(run), {"nothing of " + run + " is applied"});
}

TEST_P(UndoOrder, TwoRunsOnOneFileAreTakenBackInTurn) {
  const std::string first = Applied("echo 1 > a; echo 1 > b; mkdir made; echo 1 > made/x");
  const std::string second = Applied("echo 2 > a");
  const std::string third = Applied("echo 3 > made/y");
  const std::string before = Tree();
  // The newest one that is in the way is named, and it is the one that can go.
  ExpectRefused(Undo(first), {"run " + third + " was applied after " + first, "'made/y'",
                              "'ambit undo " + third + "' first"});
  EXPECT_EQ(Tree(), before);
  EXPECT_EQ(Undo(third).exit_code, 0);
  ExpectRefused(Undo(first), {"run " + second + " was applied after " + first, "'a'"});
  EXPECT_EQ(Undo(second).exit_code, 0);
  EXPECT_EQ(Host("cat a b").out, "1\n1\n");
  EXPECT_EQ(Undo(first).exit_code, 0);
  EXPECT_EQ(Host("cat a b c; ls").out, "start\nstart\nstart\na\nb\nc\n");
}

TEST_P(UndoOrder, RunsOnDifferentFilesAreTakenBackInAnyOrder) {
  const std::string first = Applied("echo 1 > a; mkdir d; echo 1 > d/x");
  const std::string second = Applied("echo 2 > b; echo 2 > dx");
  EXPECT_EQ(Undo(first).exit_code, 0);
  EXPECT_EQ(Host("cat a b c; ls").out, "start\n2\nstart\na\nb\nc\ndx\n");
  EXPECT_EQ(Undo(second).exit_code, 0);
  EXPECT_EQ(Host("cat a b c; ls").out, "start\nstart\nstart\na\nb\nc\n");
}

}  // namespace
}  // namespace ambit::testing
