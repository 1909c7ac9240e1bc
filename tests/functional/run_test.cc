// `ambit run`: what a person meets first.
#include <gtest/gtest.h>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

class Run : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Run, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Run, PassesOutputAndExitCodeThrough) {
  const Finished run = person_.Sh("echo to-stdout; echo to-stderr >&2; exit 42");
  EXPECT_EQ(run.exit_code, 42);
  EXPECT_EQ(run.out, "to-stdout\n");
  EXPECT_EQ(run.err, "to-stderr\n");
}

TEST_P(Run, ReportsASignalAs128PlusItsNumber) {
  EXPECT_EQ(person_.Sh("kill -TERM $$").exit_code, 128 + 15);
}

TEST_P(Run, EndsWithItsAgentWhateverChildrenItsLauncherHadBefore) {
  const Finished run =
      person_.Execute({"/bin/sh", "-c",
                       "sleep 60 >/dev/null 2>&1 & echo $!; exec \"$AMBIT\" run -q -- echo inside"},
                      {}, {{"AMBIT", AmbitBinary()}}, std::chrono::seconds(20));
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(run.out.ends_with("\ninside\n")) << run.out;
  person_.Execute({"/bin/sh", "-c", "kill " + run.out.substr(0, run.out.find('\n'))});
}

TEST_P(Run, TellsAMissingCommandFromOneThatMayNotRun) {
  EXPECT_EQ(person_.Ambit({"run", "-q", "--", "no-such-command"}).exit_code, 127);
  person_.Write("project/plain.txt", "text");
  EXPECT_EQ(person_.Ambit({"run", "-q", "--", "./plain.txt"}).exit_code, 126);
}

TEST_P(Run, KeepsChangesApartAndShowsThem) {
  person_.Write("project/kept.txt", "one\n");
  person_.MakeGitProject();
  const std::string before = person_.Fingerprint();

  ASSERT_EQ(person_.Sh("echo two >> kept.txt; echo new > made.txt; git rm -q --cached kept.txt")
                .exit_code,
            0);

  EXPECT_EQ(person_.Fingerprint(), before);
  const Finished diff = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(diff.exit_code, 0) << diff.err;
  EXPECT_NE(diff.out.find("M\tkept.txt"), std::string::npos) << diff.out;
  EXPECT_NE(diff.out.find("A\tmade.txt"), std::string::npos) << diff.out;
}

TEST_P(Run, SaysInThreeLinesWhatHolds) {
  const Finished run = person_.Ambit({"run", "--", "true"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 3) << run.err;
}

}  // namespace
}  // namespace ambit::testing
