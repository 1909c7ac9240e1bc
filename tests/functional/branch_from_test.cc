// `ambit branch`: branches and stashes that a run made beside its HEAD are named and can be
// brought.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "branch_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOthers = "not on the host:";

class BranchFrom : public BranchTest {
 protected:
  /// What is said of the others when HEAD is brought onto `name`.
  std::string SaidWith(const std::string& name) {
    const Finished brought = person_.Ambit({"branch", name});
    EXPECT_EQ(brought.exit_code, 0) << brought.err;
    return brought.err;
  }
  void ExpectNone(const std::string& from) {
    const Finished refused = person_.Ambit({"branch", "none", "--from", from});
    EXPECT_EQ(refused.exit_code, 125) << from;
    EXPECT_THAT(refused.err, HasSubstr("made or moved no branch or stash")) << from;
  }
};
INSTANTIATE_TEST_SUITE_P(As, BranchFrom, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kTwoBranches =
    "git switch -q -c fix-2; echo f >f; git add f; git commit -qm fix; git switch -q main; "
    "echo two >>a.txt; git commit -qam second; echo left >left";

TEST_P(BranchFrom, AnotherBranchIsNamedAndItsCommitsArriveWithoutTheFilesOfHead) {
  Inside(kTwoBranches);
  EXPECT_THAT(SaidWith("head"),
              AllOf(HasSubstr("not on the host: fix-2\n"),
                    ContainsRegex("'ambit branch NAME r-[0-9a-z]+ --from fix-2' brings one")));
  ExpectBrought({"--from", "fix-2"});
  EXPECT_EQ(Git("log --format=%s feat"), "fix\nstart\n");
  EXPECT_EQ(Git("ls-tree -r --name-only feat"), ".gitignore\na.txt\ndir/b.txt\nf\n");
  EXPECT_EQ(Git("log --format=%s main..head | sed 's/r-[0-9a-z]*/RUN/'"),
            "Changes of ambit run RUN\nsecond\n");
  EXPECT_THAT(SaidWith("again"), Not(HasSubstr(kOthers)));
  // HEAD's own branch by its name is its commits alone.
  ASSERT_EQ(person_.Ambit({"branch", "commits", "--from", "refs/heads/main"}).exit_code, 0);
  EXPECT_EQ(Git("log --format=%s main..commits"), "second\n");
}

TEST_P(BranchFrom, WhatHeadHoldsAlreadyIsNotNamedOnceItIsBrought) {
  Inside(
      "git switch -q -c side; echo s >s; git add s; git commit -qm side; git switch -q main; "
      "git merge -q --no-ff --no-edit side; git switch -q -c last; echo l >l; git add l; "
      "git commit -qm last; git branch same; git branch old HEAD~1~1; git pack-refs --all");
  EXPECT_THAT(SaidWith("feat"), Not(HasSubstr(kOthers)));
}

TEST_P(BranchFrom, WhenHeadMadeNothingTheOthersAreNamedAllTheSame) {
  Inside("git switch -q -c fix/2; git commit -q --allow-empty -m fix; git switch -q main");
  const Finished refused = Bring();
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("made nothing"), HasSubstr("not on the host: fix/2\n")));
  ExpectBrought({"--from", "fix/2"});
  EXPECT_EQ(Git("log --format=%s main..feat"), "fix\n");
}

TEST_P(BranchFrom, StashesArriveAsCommitsThatGitRestores) {
  Inside(
      "echo two >>a.txt; echo u >untracked; git stash -q -u; echo three >>dir/b.txt; "
      "git add -A; git stash -q; git branch stash");
  const Finished nothing = Bring();
  EXPECT_THAT(nothing.err,
              AllOf(HasSubstr("made nothing"), HasSubstr("not on the host: stash@{0} stash@{1}\n"),
                    HasSubstr("--from stash@{0}'")));
  const Finished newest = person_.Ambit({"branch", "newest", "--from", "stash"});
  EXPECT_EQ(newest.exit_code, 0) << newest.err;
  EXPECT_THAT(newest.err, HasSubstr("'git stash apply newest' restores it"));
  EXPECT_EQ(Git("show newest:dir/b.txt"), "b\nthree\n");
  ExpectBrought({"--from", "stash@{1}"});
  EXPECT_EQ(Git("stash apply -q feat"), "");
  EXPECT_EQ(person_.Read("project/a.txt"), "one\ntwo\n");
  EXPECT_EQ(person_.Read("project/untracked"), "u\n");
  ExpectNone("stash@{2}");
  EXPECT_THAT(person_.Ambit({"branch", "none", "--from", "refs/heads/stash"}).err,
              HasSubstr("made nothing to bring on 'refs/heads/stash'"));
}

TEST_P(BranchFrom, PackedAndRepackedBranchesAndStashesArrive) {
  Inside(std::string(kTwoBranches) +
         "; git stash -q -u; git pack-refs --all; git gc -q --prune=now; "
         "test ! -e .git/refs/heads/fix-2");
  EXPECT_THAT(SaidWith("head"), HasSubstr("not on the host: fix-2 stash@{0}\n"));
  ExpectBrought({"--from", "fix-2"});
  EXPECT_EQ(Git("log --format=%s main..feat"), "fix\n");
  ASSERT_EQ(person_.Ambit({"branch", "wip", "--from", "stash"}).exit_code, 0);
  EXPECT_EQ(Git("show wip^3:left"), "left\n");
}

TEST_P(BranchFrom, TheHostsOwnRefsAreNotTheRuns) {
  Git("branch side; git branch packed; git pack-refs --all; git branch loose");
  person_.Write("project/a.txt", "stashed by the host\n");
  ASSERT_EQ(Git("stash -q"), "");
  Inside("git branch -q -D side; git pack-refs --all; echo two >>a.txt; git commit -qam mine");
  for (const char* name : {"packed", "loose", "later"}) {
    Git(std::string("switch -q -C tmp main; git commit -q --allow-empty -m host; git branch -f ") +
        name + " tmp; git switch -q main; git branch -qD tmp");
  }
  EXPECT_THAT(SaidWith("feat"), Not(HasSubstr(kOthers)));
  ExpectNone("later");
  ExpectNone("side");
  ExpectNone("stash");
  ExpectNone("HEAD");
  ExpectNone("refs/tags/x");
  ExpectNone("../../HEAD");
  EXPECT_THAT(person_.Ambit({"branch", "none", "--from", "loose"}).err,
              HasSubstr("made nothing to bring on 'loose'"));
}

TEST_P(BranchFrom, ABranchOfTheHostThatTheRunMovedArrivesAsTheRunHasIt) {
  Git("branch side");
  Inside("git switch -q side; echo s >s; git add s; git commit -qm run; git switch -q main");
  Git("switch -q side; git commit -q --allow-empty -m host; git switch -q main");
  EXPECT_THAT(Bring().err, HasSubstr("not on the host: side\n"));
  ExpectBrought({"--from", "side"});
  EXPECT_EQ(Git("log --format=%s main..feat"), "run\n");
  EXPECT_EQ(Git("log --format=%s main..side"), "host\n");
}

TEST_P(BranchFrom, EveryCommitOfAnotherBranchPassesTheGate) {
  Inside(
      "git switch -q -c fix; echo run >.envrc; git add -A; git commit -qm planted; "
      "git rm -q .envrc; echo f >f; git add f; git commit -qm hidden; git switch -q main; "
      "echo h >h; echo evil >.envrc; git add -A; git stash -q; echo u >.envrc; git stash -q -u");
  for (const char* from : {"fix", "stash@{0}", "stash@{1}"}) {
    ExpectRefused(".envrc: ", {"--from", from});
  }
  EXPECT_EQ(person_.Ambit({"branch", "nothing"}).exit_code, 125) << "the control: HEAD has none";
  ExpectBrought({"--from", "fix", "--consent", ".envrc"});
}

TEST_P(BranchFrom, WhatAnotherBranchTakesFromTheHostsIsHeldToo) {
  person_.Write("project/.envrc", "of a branch nobody has looked at\n");
  Git("switch -q -c envs && git add .envrc && git commit -qm envs && git switch -q main");
  Inside("git switch -q -c fix envs; git commit -q --allow-empty -m mine; git switch -q main");
  ExpectRefused(".envrc: ", {"--from", "fix"});
}

TEST_P(BranchFrom, RefsThatLeadToNoSoundCommitAreRefused) {
  Inside(
      "git rev-parse HEAD:a.txt >.git/refs/heads/blob; printf '%040d\\n' 7 "
      ">.git/refs/heads/missing");
  ExpectRefused("not a commit", {"--from", "blob"});
  ExpectRefused("not a commit", {"--from", "missing"});
  Inside(
      "git switch -q -c fix; echo two >>a.txt; git commit -qam second; b=$(git rev-parse "
      "HEAD:a.txt); rm -f .git/objects/$(echo $b | cut -c1-2)/$(echo $b | cut -c3-); "
      "git symbolic-ref HEAD refs/heads/main");
  ExpectRefused("git rev-list", {"--from", "fix"});
  Inside(
      "t=$(printf '100644 blob %s\\tf\\n' $(echo x | git hash-object -w --stdin) | git mktree); "
      "for d in 1 2 3 4 5 6 7 8 9 10; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do "
      "printf '040000 tree %s\\td%s\\n' $t $n; done | git mktree); done; "
      "git update-ref refs/heads/bomb $(git commit-tree -p HEAD -m bomb $t)");
  ExpectRefused("too large", {"--from", "bomb"});
}

TEST_P(BranchFrom, NamesMadeToDeceiveAreShownAsTheyAreAndInBoundedNumber) {
  Inside(
      "echo two >>a.txt; git commit -qam mine; c=$(git commit-tree -p HEAD -m x HEAD^{tree}); "
      "cd .git/refs/heads; for n in '$(reboot)' \"$(printf 'a\\342\\200\\256b')\" 'x;y' '-C'; do "
      "echo $c >\"$n\"; done; echo $c >\"$(printf 'esc\\033[2Jx')\"; echo $c >x.lock; "
      "echo $c >..x; mkfifo fifo; ln -s ../../../a.txt link; echo 'ref: refs/heads/x;y' >sym; "
      "head -c 100000 /dev/zero >large; echo $c >sp' 'ace; ln -s . loop; mkdir -p deep/er");
  const Finished brought = Bring();
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_THAT(brought.err, AllOf(HasSubstr("not on the host: $(reboot) -C a\\u202eb x;y\n"),
                                 HasSubstr("--from REF' brings one")));
  ExpectNone("link");
  ExpectNone("sym");
  ExpectNone("large");
  Inside(
      "echo two >>a.txt; git commit -qam mine; c=$(git commit-tree -p HEAD -m x HEAD^{tree}); "
      "cd .git/refs/heads; for n in $(seq 10 30); do echo $c >b$n; done");
  const std::string named = SaidWith("feat2");
  EXPECT_THAT(named, HasSubstr("not on the host: b10 b11 b12 b13 b14 b15 b16 b17 and 13 more\n"));
  ASSERT_EQ(person_.Ambit({"branch", "feat3", "--from", "b30"}).exit_code, 0);
}

TEST_P(BranchFrom, RefsThatCannotBeListedAreSaidAndHeadArrivesAllTheSame) {
  Inside(
      "echo two >>a.txt; git commit -qam mine; c=$(git rev-parse HEAD); "
      "printf '%s refs/heads/x\\n%s refs/heads/x\\n' $c $c >.git/packed-refs");
  EXPECT_THAT(SaidWith("one"), HasSubstr("cannot be named: packed-refs: a branch that stands"));
  EXPECT_EQ(person_.Ambit({"branch", "two", "--from", "x"}).exit_code, 125);
  Inside(
      "echo two >>a.txt; git commit -qam mine; cd .git/refs/heads; mkdir many; cd many; "
      "seq 20001 | xargs touch");
  EXPECT_THAT(SaidWith("three"), HasSubstr("not on the host: and more than can be listed\n"));
  EXPECT_THAT(person_.Ambit({"branch", "four", "--from", "x"}).err, HasSubstr("too large"));
  Inside(
      "echo two >>a.txt; git commit -qam mine; mv .git/refs/heads/main .git/HEAD; "
      "rm -rf .git/refs/heads; ln -s /etc .git/refs/heads; mkfifo .git/packed-refs");
  EXPECT_THAT(SaidWith("five"), Not(HasSubstr("not on the host")));
}

TEST_P(BranchFrom, OfALinkedWorktreeToo) {
  const std::string tree = person_.root() + "/tree";
  Git("worktree add -q -b wt " + tree);
  const Finished run = person_.Ambit({"run", "-q", "--", "sh", "-c",
                                      "set -e; git switch -q -c other; echo o >o; git add o; "
                                      "git commit -qm other; git switch -q wt; echo n >n"},
                                     tree);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(person_.Ambit({"branch", "head"}, tree).err, HasSubstr("not on the host: other\n"));
  const std::string before = HostState();
  ASSERT_EQ(Bring({"--from", "other"}, tree).exit_code, 0);
  EXPECT_EQ(HostState(), before);
  EXPECT_EQ(Git("log --format=%s main..feat"), "other\n");
}

TEST_P(BranchFrom, ApplyNamesThemToo) {
  Inside(kTwoBranches);
  const Finished applied = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_THAT(applied.err, HasSubstr("not on the host: fix-2\n"));
  Inside("echo x >x; git config a.b c");
  EXPECT_THAT(person_.Ambit({"apply", "--yes"}).err,
              AllOf(HasSubstr(" inside; commits come by"), Not(HasSubstr(kOthers))));
}

}  // namespace
}  // namespace ambit::testing
