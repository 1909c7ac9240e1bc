// Layers and home in a file system of the run's own: in memory, and as root in an image.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <string>
#include <tuple>

#include "support/run_ambit.h"
#include "support/tmux_session.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Case {
  Who who;
  std::string backing;
};
void PrintTo(const Case& one, std::ostream* out) { *out << NameOf(one.who) << ' ' << one.backing; }

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Who who : Everyone()) {
    cases.push_back({who, "memory"});
    if (who == Who::kRoot) cases.push_back({who, "image"});
  }
  return cases;
}

class DiskBacking : public ::testing::TestWithParam<Case> {
 protected:
  DiskBacking() {
    person_.Write("project/kept", "kept\n");
    person_.Write("project/changed", "before\n");
    person_.Write("project/gone", "gone\n");
    person_.Write("project/replaced/old", "old\n");
  }
  Finished Sh(const std::string& script, std::vector<std::string> flags = {}) const {
    flags.insert(flags.begin(), {"--disk-backing", GetParam().backing, "--disk", "32MiB"});
    return person_.Sh(script, std::move(flags));
  }

  Scratch person_{GetParam().who};
};
INSTANTIATE_TEST_SUITE_P(Of, DiskBacking, ::testing::ValuesIn(Cases()), [](const auto& param) {
  return NameOf(param.param.who) + "_" + param.param.backing;
});

TEST_P(DiskBacking, TheWorkComesHomeWhenTheRunEnds) {
  const std::string before = person_.Fingerprint();
  const Finished run =
      Sh("echo after > changed; rm -r gone replaced; mkdir replaced; echo new > replaced/new;"
         "echo deep > a; ln a b; mkdir -p d/e; ln -s ../../a d/e/link; chmod 0700 d; cat kept; "
         "exit 3");
  EXPECT_EQ(run.out, "kept\n");
  ASSERT_EQ(run.exit_code, 3) << run.err;
  EXPECT_EQ(person_.Fingerprint(), before);
  const Finished diff = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(diff.out,
            "A\ta\nA\tb\nM\tchanged\nA\td/\nA\td/e/\nA\td/e/link\nD\tgone\nA\treplaced/new\n"
            "D\treplaced/old\n")
      << diff.err;
  const Finished apply = person_.Ambit({"apply", "--yes"});
  ASSERT_EQ(apply.exit_code, 0) << apply.err << apply.out;
  EXPECT_EQ(person_.Read("project/changed"), "after\n");
  EXPECT_EQ(person_.Read("project/d/e/link"), "deep\n");
  EXPECT_EQ(person_.Read("project/replaced/new"), "new\n");
  EXPECT_FALSE(person_.Exists("project/replaced/old"));
  EXPECT_FALSE(person_.Exists("project/gone"));
}

TEST_P(DiskBacking, ItsSizeIsALimitThatTheKernelHolds) {
  const Finished plan = person_.Ambit({"plan", "--disk-backing", GetParam().backing, "--disk",
                                       "32MiB", "--require-hard", "disk", "--", "true"});
  EXPECT_THAT(plan.out, HasSubstr("disk 32 MiB hard")) << plan.err;
  const Finished run =
      Sh("dd if=/dev/zero of=first bs=1M count=20 2>/dev/null; dd if=/dev/zero of=big bs=1M "
         "count=20 2>&1 | grep -o 'No space left on device';"
         "dd if=/dev/zero of=$HOME/big bs=1M count=20 2>&1 | grep -o 'No space left on device';"
         "rm big first; echo goes on > small; cat small");
  EXPECT_EQ(run.out, "No space left on device\nNo space left on device\ngoes on\n") << run.err;
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_P(DiskBacking, ItsNumberOfFilesIsALimit) {
  const Finished run =
      Sh("i=0; while [ $i -lt 3000 ] && true > f$i; do i=$((i+1)); done; echo $i; [ $i -lt 2200 ]",
         {"--inodes", "2000"});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_THAT(run.err, HasSubstr("No space left on device"));
}

TEST_P(DiskBacking, OfARunThatWasKilledTheImageComesHomeAndMemoryIsToldToBeLost) {
  const pid_t ambit =
      person_.Start({"run", "-q", "--disk-backing", GetParam().backing, "--disk", "32MiB", "--",
                     "/bin/sh", "-c", "echo work > made; echo ready; sleep 60"},
                    "output");
  ASSERT_TRUE(EventuallyHolds([&] { return person_.Read("output") == "ready\n"; }));
  const Finished during = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(during.exit_code, 125);
  EXPECT_THAT(during.err, HasSubstr("until it ends"));
  ::kill(ambit, SIGKILL);
  ::waitpid(ambit, nullptr, 0);
  ASSERT_TRUE(EventuallyHolds([&] {
    return person_.Ambit({"diff", "--name-status"}).err.find("until it ends") == std::string::npos;
  }));
  const Finished after = person_.Ambit({"diff", "--name-status"});
  if (GetParam().backing == "image") {
    EXPECT_EQ(after.out, "A\tmade\n") << after.err;
  } else {
    EXPECT_EQ(after.exit_code, 125);
    EXPECT_THAT(after.err, HasSubstr("was in memory and is lost"));
  }
}

TEST(DiskBackingOfAUser, IsNoImage) {
  for (const Who who : Everyone()) {
    if (who == Who::kRoot) continue;
    const Scratch person(who);
    const Finished run = person.Sh("true", {"--disk-backing", "image", "--disk", "32MiB"});
    EXPECT_EQ(run.exit_code, 125);
    EXPECT_THAT(run.err, AllOf(HasSubstr("only root"), HasSubstr("--disk-backing memory")));
  }
}

}  // namespace
}  // namespace ambit::testing
