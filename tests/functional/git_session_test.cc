// A session with git inside a run: what it makes stays there, and it is the person's work.
#include "everyday.h"

namespace ambit::testing {
namespace {

class GitSession : public Everyday {};
INSTANTIATE_TEST_SUITE_P(As, GitSession, ::testing::ValuesIn(Everyone()), NameOfParam);

void ConfigureAuthor(Scratch& person) {
  person.Write("home/.gitconfig",
               "[user]\n\tname = Ada \\\"The\\\" Author\n\temail = ada@example.invalid\n");
}

TEST_P(GitSession, ACommitCarriesThePersonsNameAndTheHostsRepositoryStaysAsItWas) {
  ConfigureAuthor(person_);
  person_.Write("project/readme.md", "one\n");
  person_.MakeGitProject();
  const std::string before = person_.Fingerprint();

  const Finished run = person_.Sh(
      "set -e; echo two >>readme.md; git commit -qam 'second line'; "
      "git log --format='%an <%ae> | %cn <%ce> | %s' -1; git status --porcelain; "
      "git fsck --strict 2>&1 | grep -v '^notice' || true; git rev-list --count HEAD");

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out,
            "Ada \"The\" Author <ada@example.invalid> | Ada \"The\" Author "
            "<ada@example.invalid> | second line\n2\n")
      << run.err;
  EXPECT_EQ(person_.Fingerprint(), before);
  EXPECT_EQ(person_.Execute({"git", "rev-list", "--count", "HEAD"}).out, "1\n");
}

TEST_P(GitSession, BranchWorktreeMergeRebaseAndStashWorkAsOutside) {
  ConfigureAuthor(person_);
  person_.Write("project/a.txt", "a\n");
  person_.Write("project/.gitignore", "/trees/\n");
  person_.MakeGitProject();
  // Fixed dates make the commits' names the same inside and outside.
  const std::string out = ExpectSameInsideAndOutside(R"(set -e
export GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' GIT_COMMITTER_DATE='2026-01-02T03:04:05Z'
git switch -q -c feature; echo feature >f.txt; git add f.txt; git commit -q -m feature
git worktree add -q trees/hotfix main
(cd trees/hotfix && git switch -q -c hotfix && echo fix >>a.txt && git commit -qam hotfix && git status --porcelain)
git switch -q main; git merge -q --no-edit hotfix; git merge -q --no-edit feature
git worktree remove trees/hotfix
echo dirty >>a.txt; git stash -q; git status --porcelain; git stash pop -q; git diff --stat
git checkout -q -- a.txt; git tag -a -m 'first release' v1
git switch -q feature; git rebase -q main
git gc -q; git log --format='%h %an %s' --all; git status --porcelain; git describe --all)");
  EXPECT_NE(out.find("hotfix"), std::string::npos) << out;
  EXPECT_NE(out.find("Ada \"The\" Author feature"), std::string::npos) << out;
}

TEST_P(GitSession, AnUntouchedRepositoryIsCleanInside) {
  for (int i = 0; i < 40; ++i) {
    person_.Write("project/dir/file" + std::to_string(i), std::to_string(i));
  }
  person_.Write("project/tool.sh", "#!/bin/sh\n", 0755);
  person_.MakeGitProject();
  const Finished run =
      person_.Sh("git status --porcelain && git diff --stat && git ls-files | wc -l");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "41\n") << run.err;
}

TEST_P(GitSession, ALocalCloneAndAPushToABareRepositoryWork) {
  ConfigureAuthor(person_);
  person_.Write("project/a.txt", "a\n");
  person_.MakeGitProject();
  const Finished run = person_.Sh(
      "set -e; git init -q --bare -b main /tmp/origin.git; git remote add origin /tmp/origin.git; "
      "git push -q origin main; git clone -q /tmp/origin.git /tmp/copy; cat /tmp/copy/a.txt");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "a\n") << run.err;
}

}  // namespace
}  // namespace ambit::testing
