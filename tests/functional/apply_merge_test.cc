// ambit apply --merge: both the host and the run changed a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/terminal_session.h"

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ApplyMerge : public ApplyTest {
 protected:
  ApplyMerge() {
    person_.Write("project/a.txt", "one\ntwo\nthree\nfour\nfive\n");
    person_.Write("project/b.txt", "one\ntwo\n");
    person_.Write("home/.gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.invalid\n");
    person_.MakeGitProject();
  }
  static constexpr const char* kBoth = "ONE\ntwo\nthree\nfour\nFIVE\n";
  static constexpr const char* kHosts = "ONE\ntwo\nthree\nfour\nfive\n";
  std::string Text() const { return person_.Read("project/a.txt"); }
};
INSTANTIATE_TEST_SUITE_P(As, ApplyMerge, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ApplyMerge, BothEditsArriveWhenSomebodySaysSoAndUndoHasTheHostsVersion) {
  Run("sed -i s/five/FIVE/ a.txt; sed -i s/two/TWO/ b.txt");
  ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt; sed -i s/two/Two/ b.txt").exit_code, 0);
  const Finished plain = ApplyYes();
  EXPECT_EQ(plain.exit_code, 1);
  EXPECT_EQ(plain.out,
            "conflict a.txt: the host changed it meanwhile\n"
            "conflict b.txt: the host changed it meanwhile\n");
  EXPECT_THAT(plain.err, HasSubstr("--merge"));
  EXPECT_EQ(Text(), kHosts);
  const std::string merged =
      "M a.txt (merged with what the host changed)\n"
      "conflict b.txt: the host changed it meanwhile: no merge, both changed the same lines\n";
  EXPECT_EQ(ApplyYes({"--merge", "--dry-run"}).out, merged);
  EXPECT_EQ(Text(), kHosts);
  const Finished applied = ApplyYes({"--merge"});
  EXPECT_EQ(applied.exit_code, 1) << applied.err;  // the other one stays a conflict
  EXPECT_EQ(applied.out, merged);
  EXPECT_EQ(Text(), kBoth);
  EXPECT_EQ(person_.Read("project/b.txt"), "one\nTwo\n");
  EXPECT_EQ(Host("find . ! -user $(stat -c %u .); ls -A | grep ambit").out, "");
  EXPECT_THAT(ApplyYes({"--merge"}).out, Not(HasSubstr("a.txt")));  // nothing is left to do
  const Finished undone = person_.Ambit({"undo"});
  EXPECT_EQ(undone.exit_code, 0) << undone.out << undone.err;
  EXPECT_EQ(Text(), kHosts);
  EXPECT_THAT(ApplyYes().out, HasSubstr("conflict a.txt: "));  // and the run's never replaces it
  EXPECT_EQ(Text(), kHosts);
}

TEST_P(ApplyMerge, WhatWasMergedIsAppliedUntilSomebodyChangesItAgain) {
  Run("sed -i s/five/FIVE/ a.txt; echo new > c.txt");
  ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt").exit_code, 0);
  EXPECT_EQ(ApplyYes({"--merge", "--", "a.txt"}).exit_code, 0);
  const Finished rest = ApplyYes();  // another apply of the same run writes the record anew
  EXPECT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(rest.out, "A c.txt\n");
  const Finished again = ApplyYes();
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.out, "");
  EXPECT_THAT(again.err, HasSubstr("nothing to apply"));
  EXPECT_EQ(Text(), kBoth);
  EXPECT_EQ(ApplyYes({"--dry-run", "--replace", "a.txt"}).out,
            "M a.txt (although the host changed it meanwhile)\n");
  ASSERT_EQ(Host("sed -i s/two/mine/ a.txt").exit_code, 0);
  EXPECT_EQ(ApplyYes().out, "conflict a.txt: the host changed it meanwhile\n");
  EXPECT_EQ(Text(), "ONE\nmine\nthree\nfour\nFIVE\n");
}

TEST_P(ApplyMerge, TheBaseIsTheCommitOfTheStartWhateverEitherSideCommits) {
  Run("sed -i s/five/FIVE/ a.txt; git commit -qam mine; git update-ref refs/heads/main HEAD; git "
      "gc "
      "-q --prune=now");
  ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt; git commit -qam mine; git gc -q").exit_code, 0);
  EXPECT_EQ(ApplyYes({"--merge"}).out, "M a.txt (merged with what the host changed)\n");
  EXPECT_EQ(Text(), kBoth);
}

TEST_P(ApplyMerge, TheStartIsFoundInEveryKindOfRepository) {
  const std::string tree = person_.root() + "/tree";
  for (const char* make : {"git pack-refs --all", "git checkout -q --detach",
                           "git switch -q -c feature/x; git pack-refs --all"}) {
    ASSERT_EQ(Host("git checkout -qf main; " + std::string(make)).exit_code, 0) << make;
    Run("sed -i s/five/FIVE/ a.txt");
    ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt").exit_code, 0);
    EXPECT_EQ(ApplyYes({"--merge"}).exit_code, 0) << make;
    EXPECT_EQ(Text(), kBoth) << make;
  }
  ASSERT_EQ(Host("git checkout -qf main; git worktree add -q -b wt " + tree).exit_code, 0);
  const Finished run =
      person_.Ambit({"run", "-q", "--", "sed", "-i", "s/five/FIVE/", "a.txt"}, tree);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  ASSERT_EQ(person_.Execute({"sed", "-i", "s/one/ONE/", "a.txt"}, tree).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"apply", "--yes", "--merge"}, tree).exit_code, 0);
  EXPECT_EQ(person_.Read("tree/a.txt"), kBoth);
}

TEST_P(ApplyMerge, WithoutARepositoryNothingIsMerged) {
  ASSERT_EQ(person_.Execute({"rm", "-rf", ".git"}).exit_code, 0);
  Run("sed -i s/five/FIVE/ a.txt");
  ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt").exit_code, 0);
  EXPECT_THAT(ApplyYes().err, Not(HasSubstr("--merge")));
  const Finished applied = ApplyYes({"--merge"});
  EXPECT_EQ(applied.exit_code, 1);
  EXPECT_EQ(applied.out, "conflict a.txt: the host changed it meanwhile\n");
  EXPECT_THAT(applied.err, HasSubstr("nothing can be merged"));
  EXPECT_EQ(Text(), kHosts);
}

TEST_P(ApplyMerge, NothingOfTheHostsRepositoryIsExecuted) {
  const std::string evil = "touch " + person_.home() + "/pwned; cat";
  ASSERT_EQ(Host("git config filter.x.smudge '" + evil + "'; git config filter.x.clean '" + evil +
                 "'; git config core.fsmonitor '" + evil + "'; git config merge.x.driver '" + evil +
                 "'; git config diff.x.textconv '" + evil + "'; git config core.pager '" + evil +
                 "'; git config core.hooksPath .git/hooks; echo '* filter=x diff=x merge=x' > "
                 ".git/info/attributes; git status; ls ~/pwned && rm ~/pwned")
                .exit_code,
            0);  // the control: git itself runs it
  Run("sed -i s/five/FIVE/ a.txt");
  ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt").exit_code, 0);
  EXPECT_EQ(ApplyYes({"--merge"}).exit_code, 0);
  EXPECT_EQ(Text(), kBoth);
  EXPECT_FALSE(person_.Exists("home/pwned"));
}

TEST_P(ApplyMerge, APersonSeesAMergeAndChooses) {
  Run("sed -i s/five/FIVE/ a.txt; echo new > c.txt");
  ASSERT_EQ(Host("sed -i s/one/ONE/ a.txt").exit_code, 0);
  {
    TerminalSession terminal(person_, {"apply", "-i"});
    EXPECT_THAT(terminal.ShownUntil("Apply that? [y/N/?]"),
                AllOf(HasSubstr("a.txt: the host and the run changed it"), HasSubstr("+FIVE"),
                      Not(HasSubstr("+ONE"))));
    terminal.Type("n\n");
    EXPECT_THAT(terminal.ShownUntil("Take the run's version?"), HasSubstr("conflict a.txt"));
    terminal.Type("n\n");
    (void)terminal.ShownUntil("A c.txt? [y/N/?]");
    terminal.Type("y\n");
    EXPECT_EQ(terminal.Wait(), 1);
  }
  EXPECT_EQ(Text(), kHosts);
  EXPECT_EQ(person_.Read("project/c.txt"), "new\n");
  TerminalSession terminal(person_, {"apply", "-i"});
  (void)terminal.ShownUntil("Apply that? [y/N/?]");
  terminal.Type("y\n");
  EXPECT_EQ(terminal.Wait(), 0);
  EXPECT_EQ(Text(), kBoth);
}

}  // namespace
}  // namespace ambit::testing
