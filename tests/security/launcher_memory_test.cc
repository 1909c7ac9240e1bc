// The launcher's environment is in no process of a run: neither in what /proc shows as environ nor
// anywhere in its memory.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempts.h"
#include "running_run.h"

namespace ambit::testing {
namespace {

class LauncherMemory : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, LauncherMemory, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(LauncherMemory, IsInNoProcessOfTheRun) {
  const std::string secret = NewMarker() + "-secret";
  const RunningRun run(person_, {"leave-children", "1", "60000"}, {},
                       {{"AWS_SECRET_ACCESS_KEY", secret},
                        {"GIT_SSH_COMMAND", secret},
                        {"HTTPS_PROXY", "http://me:" + secret + "@127.0.0.1:3128"}});
  const RunTree& tree = run.tree();
  ASSERT_TRUE(tree.egress != 0 && tree.init != 0 && tree.agent != 0);
  for (const pid_t pid : tree.all) {
    if (!IsAlive(pid)) continue;  // the agent does not wait for its children
    EXPECT_EQ(ReadWhole(fmt::format("/proc/{}/environ", pid)).find(secret), std::string::npos)
        << pid;
    // Only root can read the memory of processes that are not dumpable.
    if (::geteuid() == 0) {
      EXPECT_EQ(CountInMemory(pid, secret), 0) << pid;
    }
  }
}

/// The same look finds it where it is.
TEST_P(LauncherMemory, IsFoundWhereItIs) {
  const std::string secret = NewMarker() + "-secret";
  PutProbeInto(person_);
  const pid_t pid =
      StartAs(person_, {person_.project() + "/probe", "victim"}, {{"PLANTED", secret}});
  ASSERT_TRUE(Eventually([&] { return person_.Read("output").starts_with("0x"); }));
  EXPECT_NE(ReadWhole(fmt::format("/proc/{}/environ", pid)).find(secret), std::string::npos);
  EXPECT_GE(CountInMemory(pid, secret), 1);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

/// What --env names does cross, into the agent and no further.
TEST_P(LauncherMemory, CrossesOnlyByName) {
  const Finished run = person_.Ambit({"run", "-q", "--env", "WANTED", "--", "env"}, {},
                                     {{"WANTED", "yes"}, {"UNWANTED", "no"}});
  EXPECT_NE(run.out.find("WANTED=yes"), std::string::npos) << run.out;
  EXPECT_EQ(run.out.find("UNWANTED"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace ambit::testing
