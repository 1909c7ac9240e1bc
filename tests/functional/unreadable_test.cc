// What an agent makes unreadable for its owner is reviewed like everything else, and never lost
// without a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <string>
#include <thread>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Unreadable : public ::testing::TestWithParam<Who> {
 protected:
  Unreadable() {
    person_.Write("project/keep", "host\n");
    person_.Write("project/old/o", "host\n");
  }
  bool IsUser() const { return GetParam() == Who::kUser; }
  mode_t ModeOf(const std::string& path) const {
    struct stat info{};
    EXPECT_EQ(::stat((person_.project() + "/" + path).c_str(), &info), 0) << path;
    return info.st_mode & 07777;
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Unreadable, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kMake =
    "mkdir -p d/e; echo x > d/e/f; echo y > d/g; echo q > zero; echo n > old/n; "
    "chmod 0 zero d/g d/e old; chmod 0 d; ";

TEST_P(Unreadable, FilesAndDirectoriesAreShownRecordedAndTaken) {
  // With `chmod 0 .` the layer itself is one of them.
  const Finished run = person_.Sh(std::string(kMake) + "chmod 0 .");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Finished record = person_.Ambit({"audit", "show", "--type", "layer.*", "--json"});
  for (const char* path : {"d", "d/e", "d/e/f", "d/g", "zero", "old/n"}) {
    EXPECT_THAT(record.out, HasSubstr("\"path\":\"" + std::string(path) + "\"")) << path;
  }
  EXPECT_THAT(record.out, Not(HasSubstr("\"unreadable\"")));
  const std::string opened = R"("path":"zero","kind":"created","opened":true,"mode":"0400")";
  EXPECT_THAT(record.out,
              HasSubstr(IsUser() ? opened : R"("path":"zero","kind":"created","mode":"0000")"));

  const Finished names = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(names.out, "A\td/\nA\td/e/\nA\td/e/f\nA\td/g\nM\told/\nA\told/n\nA\tzero\n");
  EXPECT_THAT(names.err, Not(HasSubstr("could not be read")));
  const Finished patch = person_.Ambit({"diff"});
  for (const char* line : {"+x", "+y", "+q", "+n"}) EXPECT_THAT(patch.out, HasSubstr(line));

  const Finished applied = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
  EXPECT_EQ(person_.Read("project/d/e/f"), "x\n");
  EXPECT_EQ(person_.Read("project/zero"), "q\n");
  EXPECT_EQ(person_.Read("project/old/n"), "n\n");
  // What a user can review they can read.
  EXPECT_EQ(ModeOf("d"), IsUser() ? 0500U : 0U);
  EXPECT_EQ(ModeOf("zero"), IsUser() ? 0400U : 0U);
}

TEST_P(Unreadable, OfARunThatGoesOnIsNamedAndLeftAsItIs) {
  const pid_t ambit = person_.Start(
      {"run", "-q", "--", "sh", "-c", std::string(kMake) + "echo ready; sleep 60"}, "out");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (person_.Read("out").empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const Finished live = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(live.exit_code, 0) << live.err;
  if (IsUser()) {
    EXPECT_EQ(live.out, "A\td/\nM\told/\nA\tzero\n");
    EXPECT_THAT(live.err, AllOf(HasSubstr("could not be read"), HasSubstr("  d\n"),
                                HasSubstr("  old\n"), HasSubstr("look again after its end")));
  }
  // The next look is after a kill: nobody made a record of what remained.
  ::kill(ambit, SIGKILL);
  ::waitpid(ambit, nullptr, 0);
  const Finished after = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(after.out, "A\td/\nA\td/e/\nA\td/e/f\nA\td/g\nM\told/\nA\told/n\nA\tzero\n");
  EXPECT_THAT(after.err, Not(HasSubstr("could not be read")));
}

}  // namespace
}  // namespace ambit::testing
