// Every attempt of attempt_cases.cc: outside it works, inside it does not; and with each wall and
// each group of walls left out, exactly those work that no other wall holds.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "attempt_cases.h"
#include "attempts.h"

namespace ambit::testing {
namespace {

std::vector<std::string> InsideLines() {
  std::vector<std::string> lines;
  for (const AttemptCase& attempt : AttemptCases()) lines.push_back(attempt.inside);
  return lines;
}

class Walls : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
  Surroundings around_{person_};
};
INSTANTIATE_TEST_SUITE_P(As, Walls, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Walls, DoNotStandOutside) {
  std::vector<std::string> lines;
  for (const AttemptCase& attempt : AttemptCases()) {
    lines.push_back(attempt.outside.empty() ? attempt.inside : attempt.outside);
  }
  const Answers answers = TryOutside(person_, around_, lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const AttemptCase& attempt = AttemptCases()[i];
    const Control expected = GetParam() == Who::kRoot ? attempt.root : attempt.user;
    if (expected == Control::kAny) continue;
    EXPECT_EQ(answers[i] == "done", expected == Control::kWorks) << lines[i] << ": " << answers[i];
  }
}

TEST_P(Walls, RefuseEveryAttempt) {
  const Answers answers = TryInside(person_, around_, InsideLines(), AmbitBinary(), "");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const AttemptCase& attempt = AttemptCases()[i];
    EXPECT_NE(answers[i], "done") << attempt.inside;
    if (!attempt.answer.empty()) {
      EXPECT_EQ(answers[i], attempt.answer) << attempt.inside;
    }
  }
}

/// The switches change nothing in the product.
TEST_P(Walls, CannotBeSwitchedOffInTheProduct) {
  const Answers answers =
      TryInside(person_, around_, InsideLines(), AmbitBinary(), "mounts,landlock,seccomp,lifeline");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_NE(answers[i], "done") << AttemptCases()[i].inside;
  }
}

TEST_P(Walls, HoldForEachOther) {
  for (const char* off : {"", "mounts", "landlock", "seccomp", "mounts,landlock", "mounts,seccomp",
                          "landlock,seccomp", "mounts,landlock,seccomp"}) {
    const Answers answers = TryInside(person_, around_, InsideLines(), BinaryForWallTests(), off);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const AttemptCase& attempt = AttemptCases()[i];
      if (!OpensWithout(attempt, GetParam(), off)) {
        EXPECT_NE(answers[i], "done") << attempt.inside << " without '" << off << "'";
      } else if ((GetParam() == Who::kRoot ? attempt.root : attempt.user) != Control::kAny) {
        EXPECT_EQ(answers[i], "done") << attempt.inside << " without '" << off << "'";
      }
    }
  }
}

/// A wall that no attempt needs would be decoration, or the table would have a gap.
TEST_P(Walls, AreEachNeededBySomeAttempt) {
  std::set<std::string> needed;
  for (const AttemptCase& attempt : AttemptCases()) {
    const auto& sets = GetParam() == Who::kRoot ? attempt.root_opens : attempt.user_opens;
    needed.insert(sets.begin(), sets.end());
  }
  EXPECT_TRUE(needed.contains("mounts"));
  EXPECT_TRUE(needed.contains("seccomp"));
  // Files of the person's own are what Landlock alone stands before. As root a run has an id of its
  // own, which keeps it from all of them before Landlock is asked.
  EXPECT_EQ(needed.contains("landlock"), GetParam() == Who::kUser);
}

/// A bind would lead to the socket itself, read-only or not.
TEST_P(Walls, KeepHostSocketsOutOfTheProjectInEveryMode) {
  const std::string line = around_.Fill("{project}/host.sock");
  EXPECT_EQ(person_.Execute({ProbeBinary(), "connect-path", line}).out, "done\n");
  for (const char* mode : {"cow", "ro"}) {
    const Finished run =
        person_.Ambit({"run", "-q", "--project", mode, "--", "./probe", "connect-path", line});
    EXPECT_EQ(run.out, "refused ECONNREFUSED\n") << mode << run.err;
  }
}

/// Needs a program that belongs to another user.
class WallsBesideOthers : public Walls {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WallsBesideOthers);
INSTANTIATE_TEST_SUITE_P(As, WallsBesideOthers, ::testing::ValuesIn(EveryoneBesideOthers()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(WallsBesideOthers, MakeSetUserIdProgramsUseless) {
  const std::vector<std::string> line = {"set-user-id {project}/set-user-id"};
  EXPECT_EQ(TryOutside(person_, around_, line)[0], "done");
  EXPECT_EQ(TryInside(person_, around_, line, AmbitBinary(), "")[0], "absent");
}

}  // namespace
}  // namespace ambit::testing
