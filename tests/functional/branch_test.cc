// `ambit branch`: a run's commits and what it left uncommitted, on a new branch and nowhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "branch_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class Branch : public BranchTest {};
INSTANTIATE_TEST_SUITE_P(As, Branch, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Branch, TwoCommitsAndAnEditArriveAndTheHostStaysAsItWas) {
  person_.Write("project/mine.txt", "the host's own, not committed\n");
  Inside(
      "echo two >>a.txt; git commit -qam second; echo c >c.txt; git add c.txt; git commit -qm "
      "third;"
      "echo three >>a.txt; echo new >new.txt; echo x >x.log; mkdir build; echo y >build/y; rm "
      "dir/b.txt; ln -s a.txt link; chmod +x c.txt");
  ExpectBrought();
  EXPECT_EQ(Git("log --format='%an <%ae> %s' feat | sed 's/r-[0-9a-z]*/RUN/'"),
            "Ada <ada@example.invalid> Changes of ambit run RUN\n"
            "Ada <ada@example.invalid> third\nAda <ada@example.invalid> second\n"
            "T <t@example.invalid> start\n");
  EXPECT_EQ(Git("ls-tree -r --format='%(objectmode) %(path)' feat"),
            "100644 .gitignore\n100644 a.txt\n100755 c.txt\n120000 link\n100644 new.txt\n");
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(Git("show feat:link"), "a.txt");
  EXPECT_EQ(Git("show feat~1:a.txt"), "one\ntwo\n");
  EXPECT_EQ(Git("status --porcelain"), "?? mine.txt\n");
  EXPECT_EQ(Git("branch --show-current"), "main\n");
  EXPECT_EQ(Git("for-each-ref --format='%(refname)'"), "refs/heads/feat\nrefs/heads/main\n");
}

TEST_P(Branch, ARunWithoutCommitsBringsOneAndARunWithoutEditsBringsTheAgents) {
  Inside("echo two >>a.txt");
  ExpectBrought();
  EXPECT_EQ(Git("rev-list --count main..feat"), "1\n");
  Inside("echo three >>a.txt; git commit -qam mine");
  const Finished brought = person_.Ambit({"branch", "feat2"});
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(Git("log --format=%s main..feat2"), "mine\n");
}

TEST_P(Branch, WhatTheAgentTookBackIsTakenBackOnTheBranchToo) {
  Inside(
      "echo two >>a.txt; echo c >c.txt; git add -A; git commit -qm second; echo one >a.txt; rm "
      "c.txt");
  ExpectBrought();
  EXPECT_EQ(Git("diff --stat main feat"), "");
  EXPECT_EQ(Git("show feat~1:a.txt"), "one\ntwo\n");
  // A second branch of the same run is the same.
  ASSERT_EQ(person_.Ambit({"branch", "feat2"}).exit_code, 0);
  EXPECT_EQ(Git("diff --stat main feat2"), "");
  EXPECT_EQ(Git("rev-list --count main..feat2"), "2\n");
}

TEST_P(Branch, EditsStandOnTheCommitTheHostWasOnWhenTheRunBegan) {
  const std::string then = Git("rev-parse main");
  Inside("echo two >>a.txt");
  person_.Write("project/a.txt", "the host's\n");
  person_.Write("project/later.txt", "later\n");
  ASSERT_EQ(Git("add -A; git commit -qm later; git reflog expire --expire=now --all"), "");
  ExpectBrought();
  EXPECT_EQ(Git("rev-parse feat~1"), then);
  EXPECT_EQ(Git("diff --name-only feat~1 feat"), "a.txt\n");
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\n");
}

TEST_P(Branch, MergesRebasesPackedRefsAndRepackedObjectsArrive) {
  Inside(
      "git switch -q -c side; echo s >s; git add s; git commit -qm side; git switch -q main; echo "
      "m "
      ">m; git add m; git commit -qm m; git merge -q --no-edit side; git switch -q -c other; mkdir "
      "moved; "
      "git mv dir/b.txt moved/b.txt; git commit -qm moved; git pack-refs --all; git gc -q "
      "--prune=now");
  ExpectBrought();
  EXPECT_EQ(Git("log --merges --format=%s feat"), "Merge branch 'side'\n");
  EXPECT_EQ(Git("ls-tree -r --name-only feat"), ".gitignore\na.txt\nm\nmoved/b.txt\ns\n");
}

TEST_P(Branch, ADirectoryThatMovedArrivesInItsNewPlace) {
  Inside("mv dir moved; echo more >>moved/b.txt; mv a.txt z.txt");
  ExpectBrought();
  EXPECT_EQ(Git("ls-tree -r --name-only feat"), ".gitignore\nmoved/b.txt\nz.txt\n");
  EXPECT_EQ(Git("show feat:moved/b.txt"), "b\nmore\n");
}

TEST_P(Branch, NamesOfAnyBytesArrive) {
  Inside(R"sh(printf 1 >'a"b\c'; printf 2 >"$(printf 'n\nl')"; printf 3 >':(top)x'
printf 4 >"$(printf '\377')"; printf 5 >'#x'; printf 6 >' -x '; printf 7 >'*')sh");
  ExpectBrought();
  EXPECT_EQ(Git("diff --name-only -z main feat | tr '\\0' '|'"),
            " -x |#x|*|:(top)x|a\"b\\c|n\nl|\xff|");
  EXPECT_EQ(Git("show 'feat: -x '"), "6");
}

TEST_P(Branch, NamesThatExistOrAreNoneAreRefused) {
  Inside("echo two >>a.txt");
  Git("branch taken");
  for (const char* name : {"taken", "main", "taken/x"}) {
    EXPECT_THAT(person_.Ambit({"branch", name}).err, HasSubstr("already")) << name;
  }
  for (const char* name : {"a..b", "a b", "x.lock", "/x", "x/", "HEAD", "@{-1}", "a\nb"}) {
    const Finished refused = person_.Ambit({"branch", name});
    EXPECT_EQ(refused.exit_code, 125) << name;
    EXPECT_THAT(refused.err, HasSubstr("no name for a branch")) << name;
  }
  EXPECT_EQ(Git("for-each-ref --format='%(refname)'"), "refs/heads/main\nrefs/heads/taken\n");
}

TEST_P(Branch, ARunThatMadeNothingBringsNothing) {
  Inside("true");
  ExpectRefused("made nothing");
}

TEST_P(Branch, WhereTheNewestRunMadeNothingTheOneThatDidIsNamed) {
  Inside("git commit -q --allow-empty -m only");
  Inside("true");
  ExpectRefused(" has changes of git: ambit branch feat r-");
  Inside("echo two >>a.txt");
  Inside("true");
  ExpectRefused(" has 1 change: ambit branch feat r-");
}

TEST_P(Branch, ARunThatStillRunsIsRefused) {
  const pid_t pid = person_.Start({"run", "-q", "--", "sh", "-c", "echo x >x; sleep 60"}, "out");
  std::string said;
  for (int tries = 0; tries < 100 && !said.contains("still runs"); ++tries) {
    said = Bring().err;
    ::usleep(50'000);
  }
  ::kill(pid, SIGTERM);
  ::waitpid(pid, nullptr, 0);
  EXPECT_THAT(said, HasSubstr("still runs"));
}

TEST_P(Branch, ARepositoryBelowTheProjectIsLeftOutAndNamed) {
  Inside("git init -q sub; echo s >sub/s; echo n >n");
  const Finished brought = Bring();
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_THAT(brought.err, HasSubstr("left out: 1 file in repositories below"));
  EXPECT_EQ(Git("diff --name-only main feat"), "n\n");
}

TEST_P(Branch, WithoutARepositoryOnTheHostThereIsNoBranch) {
  ASSERT_EQ(person_.Execute({"rm", "-rf", ".git"}).exit_code, 0);
  Inside("git init -q; git add -A; git commit -qm mine");
  const Finished refused = Bring();
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("no git repository"), HasSubstr("ambit apply")));
}

TEST_P(Branch, ALinkedWorktreesCommitsArriveInItsRepository) {
  const std::string tree = person_.root() + "/tree";
  Git("worktree add -q -b wt " + tree);
  const std::string before = HostState();
  const std::string before_tree = HostState(tree);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "sh", "-c",
       "set -e; echo two >>a.txt; git commit -qam second; echo three >>a.txt; git config "
       "core.editor "
       "evil; echo x >../project/.git/hooks/post-commit; git branch other; git update-ref "
       "refs/heads/main HEAD"},
      tree);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Finished brought = Bring({}, tree);
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(HostState(), before);
  EXPECT_EQ(HostState(tree), before_tree);
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(Git("rev-list --count main..feat"), "2\n");
}

TEST_P(Branch, ASubmodulesCommitsArriveInItsRepository) {
  const std::string outer = person_.root() + "/outer";
  ASSERT_EQ(person_
                .Execute({"sh", "-c",
                          "git init -q -b main $1 && cd $1 && git -c protocol.file.allow=always "
                          "submodule -q add $2 sub && git commit -qm sub",
                          "sh", outer, person_.project()})
                .exit_code,
            0);
  const std::string before = HostState(outer);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "sh", "-c", "echo two >>a.txt; git commit -qam second; echo n >n"},
      outer + "/sub");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Finished brought = Bring({}, outer + "/sub");
  EXPECT_EQ(brought.exit_code, 0) << brought.err;
  EXPECT_EQ(HostState(outer), before);
  EXPECT_EQ(Git("rev-list --count main..feat", outer + "/sub"), "2\n");
}

TEST_P(Branch, ARepositoryWithSha256NamesIsServed) {
  ASSERT_EQ(person_
                .Execute({"sh", "-c",
                          "rm -rf .git; git init -q -b main --object-format=sha256 . && git add -A "
                          "&& git commit -qm start"})
                .exit_code,
            0);
  Inside("echo two >>a.txt; git commit -qam second; echo n >n");
  ExpectBrought();
  EXPECT_EQ(Git("rev-list --count main..feat"), "2\n");
  EXPECT_EQ(Git("rev-parse feat").size(), 65U);
}

TEST_P(Branch, WhatRootBringsBelongsToTheRepositorysOwner) {
  if (GetParam() != Who::kRoot) return;  // only root acts for others
  const std::string owner = "1234:1234";
  ASSERT_EQ(person_.Execute({"chown", "-R", owner, person_.project()}).exit_code, 0);
  person_.Write("home/.gitconfig",
                "[user]\n\tname = Ada\n\temail = ada@example.invalid\n[safe]\n\tdirectory = *\n");
  Inside(
      "git config --global safe.directory '*'; echo two >>a.txt; git commit -qam second; echo n "
      ">n");
  ExpectBrought();
  EXPECT_EQ(Git("rev-list --count main..feat"), "2\n");
  EXPECT_EQ(person_.Execute({"sh", "-c", "find . ! -uid 1234 -o ! -gid 1234"}).out, "");
}

}  // namespace
}  // namespace ambit::testing
