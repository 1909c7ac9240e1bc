// Projects whose .git leads elsewhere: honoured where the target points back, refused by name
// where it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class GitPointers : public ::testing::TestWithParam<Who> {
 protected:
  GitPointers() {
    person_.Write("home/.gitconfig",
                  "[user]\n\tname = Ann\n\temail = ann@example.invalid\n[init]\n\tdefaultBranch = "
                  "main\n[protocol \"file\"]\n\tallow = always\n");
  }

  void Prepare(const std::string& script) {
    const Finished made = person_.Execute({"sh", "-ec", script}, person_.root());
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  std::string At(const std::string& path) const { return person_.root() + "/" + path; }
  Finished ShIn(const std::string& dir, const std::string& script,
                std::vector<std::string> flags = {}) const {
    std::vector<std::string> arguments = {"run", "-q"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    for (const std::string& word :
         {std::string("--"), std::string("sh"), std::string("-ec"), script})
      arguments.push_back(word);
    return person_.Ambit(std::move(arguments), At(dir));
  }
  void ExpectRefused(const Finished& run, const std::string& file, const std::string& target) {
    EXPECT_EQ(run.exit_code, 125);
    EXPECT_THAT(run.err, AllOf(HasSubstr("'" + file + "'"), HasSubstr(target)));
    EXPECT_EQ(run.out, "");
  }

  static constexpr const char* kCommit =
      "echo more > more.txt && git add more.txt && git commit -qm inside && git log "
      "--format=%s%n%an "
      "-1 && git status --porcelain";
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, GitPointers, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(GitPointers, AWorktreeBringsItsRepositoryAlongCopyOnWrite) {
  Prepare(
      "mkdir main && cd main && git init -q && echo a > a && git add a && git commit -qm a && git "
      "worktree add -q ../linked");
  const std::string main_before = person_.Fingerprint(At("main"));
  const std::string linked_before = person_.Fingerprint(At("linked"));
  const Finished run = ShIn("linked", kCommit);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "inside\nAnn\n");
  // Its sources stay outside: only the repository's own directory came along.
  EXPECT_EQ(ShIn("linked", "ls -A ../main").out, ".git\n");
  EXPECT_EQ(person_.Fingerprint(At("main")), main_before);
  EXPECT_EQ(person_.Fingerprint(At("linked")), linked_before);
}

TEST_P(GitPointers, WorktreesCanBeMadeInside) {
  Prepare("cd project && git init -q && echo a > a && git add a && git commit -qm a");
  const std::string before = person_.Fingerprint();
  const Finished run =
      ShIn("project",
           "git worktree add -q wt && cd wt && echo b > b && git add b && git commit "
           "-qm wt && cd .. && git log --format=%s wt --");
  EXPECT_EQ(run.out, "wt\na\n") << run.err;
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(GitPointers, ASubmoduleIsAProjectOfItsOwn) {
  Prepare(
      "mkdir lib super && cd lib && git init -q && echo l > l && git add l && git commit -qm lib "
      "&& "
      "cd ../super && git init -q && git submodule --quiet add ../lib sub && git commit -qm super");
  const std::string before = person_.Fingerprint(At("super"));
  const Finished run = ShIn("super/sub", kCommit);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "inside\nAnn\n");
  EXPECT_EQ(person_.Fingerprint(At("super")), before);
  // And from above it is content like any other.
  EXPECT_EQ(ShIn("super", "git submodule status | wc -l; git -C sub log --format=%s").out,
            "1\nlib\n");
}

TEST_P(GitPointers, ToASystemDirectoryAreRefused) {
  person_.Write("project/.git", "gitdir: /etc\n");
  ExpectRefused(ShIn("project", "echo started"), At("project/.git"), "'/etc'");
  // One that leads nowhere has no flag to offer, and says what to do instead.
  person_.Write("project/.git", "gitdir: /nowhere\n");
  const Finished nowhere = ShIn("project", "echo started");
  ExpectRefused(nowhere, At("project/.git"), "'/nowhere'");
  EXPECT_THAT(nowhere.err, AllOf(HasSubstr("-C DIR"), Not(HasSubstr("allow it with"))));
}

TEST_P(GitPointers, ToAnotherRepositoryAreRefusedUnlessShown) {
  Prepare(
      "mkdir other && cd other && git init -q && echo o > o && git add o && git commit -qm other");
  person_.Write("project/.git", "gitdir: " + At("other/.git") + "\n");
  const Finished refused = ShIn("project", "echo started");
  ExpectRefused(refused, At("project/.git"), At("other/.git"));
  EXPECT_THAT(refused.err, HasSubstr("--ro " + At("other/.git")));
  const Finished shown = ShIn("project", "git log --format=%s", {"--ro", At("other/.git")});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, "other\n");
}

TEST_P(GitPointers, ASymlinkInPlaceOfTheRepositoryIsRefused) {
  Prepare("mkdir other && cd other && git init -q");
  Prepare("ln -s ../other/.git project/.git");
  ExpectRefused(ShIn("project", "echo started"), At("project/.git"), "other/.git");
}

TEST_P(GitPointers, AlternatesElsewhereAreRefusedUnlessShown) {
  Prepare(
      "mkdir other && cd other && git init -q && echo o > o && git add o && git commit -qm other "
      "&& "
      "cd .. && rmdir project && git clone -q --shared other project");
  const Finished refused = ShIn("project", "echo started");
  ExpectRefused(refused, At("project/.git/objects/info/alternates"), At("other/.git/objects"));
  const Finished shown = ShIn("project", kCommit, {"--ro", At("other/.git/objects")});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.out, "inside\nAnn\n");
}

TEST_P(GitPointers, CredentialsOfTheConfigurationStayOutside) {
  Prepare(
      "cd project && git init -q && echo a > a && git add a && git commit -qm a && git remote add "
      "origin https://user:planted-token@host.invalid/r.git && git config http.extraheader "
      "'Authorization: planted-token'");
  EXPECT_THAT(person_.Read("project/.git/config"), HasSubstr("planted-token"));
  const std::string before = person_.Fingerprint();
  const Finished run =
      ShIn("project", "git config -l; cat .git/config; git remote -v; echo x > made");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("host.invalid/r.git"), Not(HasSubstr("planted-token"))));
  EXPECT_EQ(person_.Fingerprint(), before);
  const Finished diff = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(diff.out, "A\tmade\n") << diff.err;
}

TEST_P(GitPointers, ChangesToAMaskedConfigurationStayInTheRun) {
  Prepare(
      "cd project && git init -q && git remote add origin https://u:planted-token@host.invalid/r");
  const std::string before = person_.Fingerprint();
  const Finished run =
      ShIn("project", "git config alias.st status && git config alias.st && cat .git/config");
  EXPECT_THAT(run.out, AllOf(HasSubstr("status"), Not(HasSubstr("planted-token")))) << run.err;
  EXPECT_EQ(person_.Fingerprint(), before);
}

}  // namespace
}  // namespace ambit::testing
