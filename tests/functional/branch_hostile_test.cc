// `ambit branch` of runs whose repository was made to do harm.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "branch_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

class BranchHostile : public BranchTest {};
INSTANTIATE_TEST_SUITE_P(As, BranchHostile, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(BranchHostile, NothingOfTheRunsRepositoryIsExecutedOrObeyed) {
  const std::string mark = person_.home() + "/pwned";
  const std::string evil = "touch " + mark + "; cat";
  person_.Write("project/.git/hooks/reference-transaction", "#!/bin/sh\n" + evil + "\n", 0755);
  Git("branch control");
  EXPECT_TRUE(person_.Exists("home/pwned"));  // the control: git itself runs it
  ASSERT_EQ(person_.Execute({"rm", mark}).exit_code, 0);
  const std::string config = person_.Read("project/.git/config");
  Inside("echo two >>a.txt; git commit -qam second; E='" + evil + R"(';
for h in pre-commit post-checkout post-commit reference-transaction post-index-change pre-push update; do
  printf '#!/bin/sh\n%s\n' "$E" >.git/hooks/$h; chmod +x .git/hooks/$h; done
echo three >>a.txt; echo x >new.c
git config alias.branch "!$E"; git config core.fsmonitor "$E"; git config core.sshCommand "$E"
git config core.hooksPath .git/hooks; git config core.pager "$E"; git config core.editor "$E"
git config filter.x.clean "$E"; git config filter.x.smudge "$E"; git config filter.x.process "$E"
git config diff.x.textconv "$E"; git config diff.x.command "$E"; git config diff.external "$E"
git config gpg.program "$E"; git config commit.gpgSign true; git config credential.helper "!$E"
git config url.evil:.insteadOf https:; git config core.worktree /tmp; git config core.excludesFile a.txt
echo '* filter=x diff=x text eol=crlf working-tree-encoding=UTF-16' >.git/info/attributes
echo '*' >.git/info/exclude
printf garbage >.git/index)");
  ExpectBrought();
  EXPECT_FALSE(person_.Exists("home/pwned"));
  EXPECT_EQ(person_.Read("project/.git/config"), config);
  EXPECT_EQ(Git("show feat:a.txt"), "one\ntwo\nthree\n");
  EXPECT_EQ(Git("show feat:new.c"), "x\n");
}

TEST_P(BranchHostile, MovedAndDeletedRefsStayInTheRun) {
  Git("tag v1");
  Git("branch keep");
  const std::string refs = Git("for-each-ref");
  Inside(
      "git tag -d v1; git branch -D keep; git switch -q --orphan lost; git commit -q --allow-empty "
      "-m lost;"
      "git update-ref refs/heads/main HEAD; git update-ref refs/heads/evil HEAD; git reflog expire "
      "--expire=now --all; git gc -q --prune=now; git switch -q --detach; git checkout -q -f HEAD");
  ExpectBrought();
  EXPECT_EQ(Git("for-each-ref | grep -v heads/feat"), refs);
  EXPECT_THAT(Git("log --format=%s feat"), HasSubstr("lost"));
}

TEST_P(BranchHostile, ReplacementsAndGraftsChangeNothing) {
  Inside(
      "echo two >>a.txt; git commit -qam second; real=$(git rev-parse HEAD); echo fake >f; git add "
      "f; "
      "git commit -qm fake; git replace $real HEAD; git reset -q --hard $real; echo $real "
      ">.git/info/grafts; "
      "echo $real >.git/shallow");
  ExpectBrought();
  EXPECT_EQ(Git("log --format=%s feat~1"), "second\nstart\n");
  EXPECT_EQ(Git("replace"), "");
  EXPECT_FALSE(person_.Exists("project/.git/shallow"));
}

TEST_P(BranchHostile, ObjectsOutOfAnAlternateAreMissing) {
  Inside(
      "git init -q --bare /tmp/alt; echo two >>a.txt; git add a.txt; "
      "GIT_OBJECT_DIRECTORY=/tmp/alt/objects GIT_ALTERNATE_OBJECT_DIRECTORIES=$PWD/.git/objects "
      "git "
      "commit -qm elsewhere; echo /tmp/alt/objects >.git/objects/info/alternates; git log -1 "
      ">/dev/null");
  ExpectRefused("not a commit");
  EXPECT_FALSE(person_.Exists("project/.git/objects/info/alternates"));
}

TEST_P(BranchHostile, ObjectsThatAreMissingOrAreNotWhatTheirNamesSayAreRefused) {
  Inside(
      "echo two >>a.txt; git commit -qam second; b=$(git rev-parse HEAD:a.txt); "
      "f=.git/objects/$(echo "
      "$b | cut -c1-2)/$(echo $b | cut -c3-); rm -f $f");
  ExpectRefused("git rev-list");
  Inside(
      "echo two >>a.txt; git commit -qam second; b=$(git rev-parse HEAD:a.txt); o=$(echo other | "
      "git "
      "hash-object -w --stdin); p() { echo .git/objects/$(echo $1 | cut -c1-2)/$(echo $1 | cut "
      "-c3-); }; cp -f $(p $o) $(p $b)");
  ExpectRefused("git ");
}

TEST_P(BranchHostile, ACommitOfTheHostWithOtherContentInTheRunStaysTheHosts) {
  Inside(
      "base=$(git rev-parse HEAD); echo evil >e; git add e; git commit -qm evil; evil=$(git "
      "rev-parse "
      "HEAD); git reset -q --hard $base; p() { echo .git/objects/$(echo $1 | cut -c1-2)/$(echo $1 "
      "| "
      "cut -c3-); }; cp -f $(p $evil) $(p $base); echo ok >ok");
  ExpectBrought();
  EXPECT_EQ(Git("log --format=%s feat~1"), "start\n");
  EXPECT_EQ(Git("diff --name-only main feat"), "ok\n");
  EXPECT_EQ(Git("log --format=%s main"), "start\n");
  EXPECT_EQ(Git("ls-tree -r --name-only main"), ".gitignore\na.txt\ndir/b.txt\n");
  EXPECT_EQ(Git("fsck --strict --no-dangling"), "");
}

TEST_P(BranchHostile, TreesThatWriteBelowGitAreRefused) {
  for (const char* name : {".git", ".GIT", "git~1", ".g\\342\\200\\214it", ".."}) {
    Inside(std::string(
               "b=$(echo x | git hash-object -w --stdin); t=$(printf '100644 blob %s\\thook\\0' $b "
               "| git mktree -z); r=$(printf '040000 tree %s\\t") +
           name +
           "\\0' $t | git mktree -z); git update-ref HEAD $(git commit-tree -p HEAD -m x $r)");
    ExpectRefused("git index-pack");
  }
}

TEST_P(BranchHostile, AHeadThatIsNoBranchIsRefused) {
  Inside("printf 'ref: refs/heads/../../../../etc/passwd\\n' >.git/HEAD");
  ExpectRefused("is not a branch");
  Inside("rm .git/HEAD; ln -s /etc/passwd .git/HEAD");
  ExpectRefused("not a plain file");
  Inside("rm .git/HEAD; mkfifo .git/HEAD");
  ExpectRefused("not a plain file");
  Inside("b=$(git rev-parse HEAD:a.txt); echo $b >.git/HEAD");
  ExpectRefused("not a commit");
  Inside(
      "git symbolic-ref refs/heads/x refs/heads/y; git symbolic-ref refs/heads/y refs/heads/x; "
      "printf 'ref: refs/heads/x\\n' >.git/HEAD");
  ExpectRefused("without end");
  Inside("rm -rf .git/objects; ln -s /tmp .git/objects");
  ExpectRefused("in the place of");
}

TEST_P(BranchHostile, BombsAndHugeFilesAreTooLargeInTime) {
  const auto began = std::chrono::steady_clock::now();
  const std::string bomb =
      "t=$(printf '100644 blob %s\\tf\\n' $(echo x | git hash-object -w --stdin) | git mktree); "
      "for d "
      "in 1 2 3 4 5 6 7 8 9 10; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree "
      "%s\\td%s\\n' "
      "$t $n; done | git mktree); done; git update-ref HEAD $(git commit-tree -p HEAD -m bomb "
      "$t); ";
  Inside(bomb);
  ExpectRefused("too large");
  Inside(bomb + "git update-ref HEAD $(git commit-tree -p HEAD -m innocent HEAD~1^{tree})");
  ExpectRefused("too large");
  Inside("truncate -s 5G huge");
  ExpectRefused("too large");
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(120));
}

TEST_P(BranchHostile, AHugeBlobOfACommitIsTooLarge) {
  const Finished run = person_.Sh(
      "truncate -s 1100M huge; git -c core.compression=1 add huge; git commit -qm huge; rm huge",
      {}, std::chrono::seconds(120));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  ExpectRefused("too large");
}

}  // namespace
}  // namespace ambit::testing
