// ambit apply, diff and branch: what the configuration of the host's own git makes it run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ApplyHostGit : public ApplyTest {
 protected:
  void SetUp() override {
    person_.Write("project/scripts/checks/pre-commit", "#!/bin/sh\nexit 0\n");
    person_.Write("project/tools/fsm.sh", "#!/bin/sh\nexit 0\n");
    person_.Write("project/config/shared.gitconf", "[include]\npath = more/nested\n");
    person_.Write("project/config/more/nested", "[alias]\nco = checkout\n");
    person_.MakeGitProject();
    ASSERT_EQ(Host("chmod 755 scripts/checks/pre-commit tools/fsm.sh").exit_code, 0);
  }
  void Configure(const std::string& settings) {
    ASSERT_EQ(Host("set -e; " + settings).exit_code, 0);
  }
  /// What a plain command of git on the host started.
  std::string Planted() {
    EXPECT_EQ(Host("git status -s; git commit -q --allow-empty -m y; git checkout -q -b other; "
                   "true")
                  .exit_code,
              0);
    return Host("ls ../planted* 2>/dev/null; true").out;
  }
};
INSTANTIATE_TEST_SUITE_P(As, ApplyHostGit, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kPlant = "printf '#!/bin/sh\\ntouch ../planted\\n'";

TEST_P(ApplyHostGit, AHooksDirectoryOfTheProjectIsHeld) {
  Configure("git config core.hooksPath scripts/checks");
  Run(std::string(kPlant) + " > scripts/checks/pre-commit; cp scripts/checks/pre-commit " +
      "scripts/checks/helper.sh; cp scripts/checks/pre-commit scripts/checks/post-checkout; "
      "echo x > src");
  const Finished diff = person_.Ambit({"diff", "--stat"});
  EXPECT_THAT(diff.err, AllOf(HasSubstr("held back by"), HasSubstr("scripts/checks/helper.sh (")));
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_THAT(applied.out,
              AllOf(HasSubstr("held scripts/checks/pre-commit: "),
                    HasSubstr("held scripts/checks/helper.sh: git runs hooks from it"),
                    HasSubstr("held scripts/checks/post-checkout: "), HasSubstr("A src\n")));
  EXPECT_EQ(Planted(), "");
  const Finished consented = ApplyYes({"--consent", "scripts/checks"});
  EXPECT_EQ(consented.exit_code, 0) << consented.out << consented.err;
  EXPECT_TRUE(person_.Exists("project/scripts/checks/helper.sh"));
}

TEST_P(ApplyHostGit, IncludedFilesAndWhatTheyIncludeAreHeld) {
  Configure("git config include.path ../config/shared.gitconf");
  Run("printf '[core]\\n fsmonitor = touch ../planted; false\\n' > config/more/nested; "
      "cp config/more/nested config/shared.gitconf");
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_THAT(applied.out, AllOf(HasSubstr("held config/shared.gitconf: "),
                                 HasSubstr("held config/more/nested: ")));
  EXPECT_EQ(Planted(), "");
}

TEST_P(ApplyHostGit, AProgramThatASettingNamesIsHeldAndALinkInItsWay) {
  Configure("git config core.fsmonitor 'sh ./tools/fsm.sh'");
  Run("mv tools elsewhere; mkdir evil; " + std::string(kPlant) +
      " > evil/fsm.sh; ln -s evil tools; " + "echo x > src");
  const Finished linked = ApplyYes();
  EXPECT_EQ(linked.exit_code, 1) << linked.out << linked.err;
  EXPECT_THAT(linked.out, HasSubstr("held tools: "));
  EXPECT_EQ(Planted(), "");
  Run(std::string(kPlant) + " > tools/fsm.sh");
  const Finished written = ApplyYes();
  EXPECT_THAT(written.out, HasSubstr("held tools/fsm.sh: git on the host runs it"));
  EXPECT_EQ(Planted(), "");
}

TEST_P(ApplyHostGit, ARelativeHooksDirectoryOfThePersonIsHeld) {
  person_.Write("home/.gitconfig", "[core]\nhooksPath = scripts/checks\n[user]\nname = a\n");
  Run("echo x > scripts/checks/x");
  EXPECT_THAT(ApplyYes().out, HasSubstr("held scripts/checks/x: "));
}

TEST_P(ApplyHostGit, ABranchIsHeldForTheSame) {
  Configure(
      "git config core.hooksPath scripts/checks; git config user.name a; "
      "git config user.email a@b");
  Run("echo x > scripts/checks/helper.sh; git add -A; git -c user.name=a -c user.email=a@b "
      "-c core.hooksPath=/nowhere commit -qm planted");
  const Finished branch = person_.Ambit({"branch", "theirs"});
  EXPECT_NE(branch.exit_code, 0) << branch.out;
  EXPECT_THAT(branch.err, HasSubstr("scripts/checks/helper.sh"));
  EXPECT_EQ(person_.Ambit({"branch", "theirs", "--consent", "scripts/checks"}).exit_code, 0);
}

TEST_P(ApplyHostGit, AConfigurationThatNobodyCanReadStopsIt) {
  Run("echo x > src");
  ASSERT_EQ(Host("git config include.path ../config/shared.gitconf; "
                 "printf '[core]\\n!\\n' > config/shared.gitconf")
                .exit_code,
            0);
  const Finished applied = ApplyYes();
  EXPECT_NE(applied.exit_code, 0);
  EXPECT_THAT(applied.err, AllOf(HasSubstr("config/shared.gitconf"), HasSubstr("line 2")));
  EXPECT_FALSE(person_.Exists("project/src"));
}

TEST_P(ApplyHostGit, AFileThatThePersonMayNotReadIsNoneAsForGit) {
  person_.Write("home/.config/git/config", "[user]\nname = another one\n");
  Run("echo x > src");
  ASSERT_EQ(Host("chmod 000 ../home/.config/git").exit_code, 0);
  EXPECT_EQ(Host("git status -s").exit_code, 0) << "the control";
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  ASSERT_EQ(Host("chmod 755 ../home/.config/git").exit_code, 0);
}

TEST_P(ApplyHostGit, OrdinaryWorkBesideItIsNotHeld) {
  Configure(
      "git config core.hooksPath scripts/checks; git config core.editor vim; "
      "git config alias.up '!git push origin main'");
  Run("echo x > scripts/other; mkdir src; echo y > src/main; mkdir hooks; echo z > hooks/use.ts");
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
  EXPECT_THAT(applied.out, Not(HasSubstr("held")));
}

}  // namespace
}  // namespace ambit::testing
