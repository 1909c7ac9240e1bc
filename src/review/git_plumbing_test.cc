#include "review/git_plumbing.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <unistd.h>

#include "review/branch_gate.h"
#include "workspace/overlay_for_test.h"

namespace ambit::review {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using workspace::testing::RunShell;
using workspace::testing::TempTree;
using workspace::testing::WriteAll;
using Clock = std::chrono::steady_clock;

Git GitFor(std::chrono::milliseconds time) {
  auto git = Git::Find(::geteuid(), ::getegid(), Clock::now() + time);
  if (!git) std::abort();
  return *std::move(git);
}

class GitPlumbing : public ::testing::Test {
 protected:
  GitPlumbing() {
    const std::string make =
        "git -c init.defaultBranch=main init -q '" + tree_.path().string() + "'";
    if (RunShell(make) != 0) std::abort();
  }
  std::string Dir() const { return tree_.path() / ".git"; }
  TempTree tree_;
  Git git_ = GitFor(std::chrono::seconds(20));
};

TEST_F(GitPlumbing, ReturnsWhatGitSaysAndWhatItComplainsOf) {
  EXPECT_EQ(
      *git_.Run(
          {.git_dir = Dir(), .arguments = {"hash-object", "-w", "--stdin"}, .input = "hello\n"}),
      "ce013625030ba8dba906f756967f9e9ca394464a\n");
  const auto refused = git_.Run({.git_dir = Dir(), .arguments = {"cat-file", "-t", "main"}});
  EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
  EXPECT_THAT(refused.error().what, HasSubstr("git cat-file: fatal: Not a valid object name main"));
}

TEST_F(GitPlumbing, TakesNothingFromTheEnvironmentOrAPersonsConfiguration) {
  WriteAll(tree_.path() / ".gitconfig", "[alias]\n\tx = !echo alias\n[user]\n\tname = me\n");
  ::setenv("HOME", tree_.path().c_str(), 1);
  ::setenv("GIT_CONFIG_COUNT", "1", 1);
  ::setenv("GIT_CONFIG_KEY_0", "user.name", 1);
  ::setenv("GIT_CONFIG_VALUE_0", "me", 1);
  ASSERT_EQ(RunShell("test \"$(git config user.name)\" = me"), 0);  // the control
  const auto name =
      git_.Run({.git_dir = Dir(), .arguments = {"config", "user.name"}, .one_is_success = true});
  EXPECT_EQ(*name, "");
  EXPECT_FALSE(git_.Run({.git_dir = Dir(), .arguments = {"x"}}));
}

TEST_F(GitPlumbing, WithoutARepositoryNoneIsFound) {
  EXPECT_FALSE(git_.Run({.git_dir = {}, .arguments = {"rev-parse", "--git-dir"}}));
  EXPECT_TRUE(git_.Run({.git_dir = {}, .arguments = {"check-ref-format", "refs/heads/x"}}));
}

TEST_F(GitPlumbing, EndsWhatTakesTooLong) {
  const auto began = Clock::now();
  std::array<int, 2> silent{};
  ASSERT_EQ(::pipe2(silent.data(), O_CLOEXEC), 0);
  const auto late =
      GitFor(std::chrono::milliseconds(300))
          .Run({.git_dir = Dir(), .arguments = {"hash-object", "--stdin"}, .input_fd = silent[0]});
  EXPECT_EQ(late.error().code, Errc::kLimit);
  EXPECT_LT(Clock::now() - began, std::chrono::seconds(5));
  ::close(silent[0]);
  ::close(silent[1]);
}

TEST_F(GitPlumbing, EndsWhatSaysTooMuch) {
  const auto loud = git_.Run({.git_dir = Dir(),
                              .arguments = {"stripspace"},
                              .input = std::string(100'000, 'x'),
                              .max_output_bytes = 1000});
  EXPECT_EQ(loud.error().code, Errc::kLimit);
}

TEST_F(GitPlumbing, EndsWhatNeedsTooMuchMemory) {
  const std::string big = tree_.path() / "big";
  ASSERT_EQ(RunShell("truncate -s 3G '" + big + "'"), 0);
  const Fd file(::open(big.c_str(), O_RDONLY | O_CLOEXEC));
  const auto greedy =
      git_.Run({.git_dir = Dir(), .arguments = {"stripspace"}, .input_fd = file.get()});
  ASSERT_FALSE(greedy);
  EXPECT_EQ(greedy.error().code, Errc::kLimit) << greedy.error().what;
  EXPECT_THAT(greedy.error().what, HasSubstr("memory"));
}

TEST(QuotedForGit, SurvivesAnyByte) {
  EXPECT_EQ(QuotedForGit("a b"), "\"a b\"");
  EXPECT_EQ(QuotedForGit("\"\\\n\xff"), "\"\\\"\\\\\\012\\377\"");
}

}  // namespace
}  // namespace ambit::review
