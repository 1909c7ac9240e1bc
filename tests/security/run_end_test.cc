// How a run ends: nothing survives the agent, and a run whose own processes are attacked ends
// closed, with the work kept.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "attempts.h"
#include "running_run.h"

namespace ambit::testing {
namespace {

class RunEnd : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};

  void ExpectWorkIsKept() {
    const Finished diff = person_.Ambit({"diff", "--name-status"});
    EXPECT_EQ(diff.exit_code, 0) << diff.err;
    EXPECT_NE(diff.out.find("A\tmade-by-the-agent"), std::string::npos) << diff.out;
  }
  Finished KillAsThePerson(pid_t pid) {
    return person_.Execute({"/bin/sh", "-c", fmt::format("kill -KILL {}", pid)});
  }
};
INSTANTIATE_TEST_SUITE_P(As, RunEnd, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(RunEnd, LeavesNothingThatTheAgentLeftRunning) {
  PutProbeInto(person_);
  for (int i = 0; i < 10; ++i) {
    const std::string marker = NewMarker();
    const Finished run =
        person_.Ambit({"run", "-q", "--", "./probe", "leave-children", "8", "5", marker});
    // No waiting here: when ambit has returned they are gone.
    EXPECT_EQ(Describe(ProcessesWith(marker)), "");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    ExpectWorkIsKept();
  }
}

/// The same program leaves its children behind when nobody cleans up.
TEST_P(RunEnd, IsNoMatterOfCourse) {
  PutProbeInto(person_);
  const std::string marker = NewMarker();
  const pid_t pid =
      StartAs(person_, {person_.project() + "/probe", "leave-children", "4", "50", marker});
  ASSERT_TRUE(Eventually([&] { return !IsAlive(pid); }));
  EXPECT_EQ(ProcessesWith(marker).size(), 4U);
  KillAllWith(marker);
  EXPECT_TRUE(Eventually([&] { return ProcessesWith(marker).empty(); }));
}

TEST_P(RunEnd, IsClosedWhenInitIsKilled) {
  RunningRun run(person_, {"leave-children", "4", "60000"});
  ASSERT_EQ(::kill(run.tree().init, SIGKILL), 0);
  EXPECT_EQ(run.WaitForEnd(), 125) << person_.Read("output");
  EXPECT_EQ(Describe(ProcessesWith(run.marker())), "");
  ExpectWorkIsKept();
}

TEST_P(RunEnd, IsClosedWhenEgressIsKilled) {
  RunningRun run(person_, {"leave-children", "4", "60000"});
  EXPECT_EQ(KillAsThePerson(run.tree().egress).exit_code, 0);
  EXPECT_EQ(run.WaitForEnd(), 125) << person_.Read("output");
  EXPECT_EQ(Describe(ProcessesWith(run.marker())), "");
  ExpectWorkIsKept();
}

/// Init is pid 1 of its own namespace: nothing inside can end or stop it.
TEST_P(RunEnd, IsNotTheAgentsToDecideByKillingInit) {
  const Finished run = person_.Sh(
      "for s in KILL STOP TERM INT HUP SEGV; do kill -$s 1; done; sleep 0.1; echo still here");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "still here\n");
}

/// A stopped supervisor: the agent goes on and so do all walls; what needs the supervisor (the
/// journal, the end of the run) waits until it goes on.
TEST_P(RunEnd, WaitsForAStoppedSupervisor) {
  person_.Write("home/.ssh/id_ed25519", "secret\n", 0600);
  PutProbeInto(person_);
  const std::string marker = NewMarker();
  const std::string script =
      "n=0; while [ $n -lt 30 ]; do n=$((n+1)); ./probe read $HOME/.ssh/id_ed25519; "
      "./probe io-uring; ./probe ptrace 1; echo step $n; sleep 0.02; done; exit 7 # " +
      marker;
  const pid_t pid = StartAs(person_, {AmbitBinary(), "run", "-q", "--", "/bin/sh", "-c", script});
  ASSERT_TRUE(
      Eventually([&] { return person_.Read("output").find("step 3") != std::string::npos; }));
  ::kill(pid, SIGSTOP);
  ASSERT_TRUE(
      Eventually([&] { return person_.Read("output").find("step 30") != std::string::npos; },
                 std::chrono::seconds(10)));
  EXPECT_EQ(person_.Read("output").find("done"), std::string::npos) << person_.Read("output");
  EXPECT_TRUE(IsAlive(pid));
  ::kill(pid, SIGCONT);
  int status = 0;
  ASSERT_TRUE(Eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(Describe(ProcessesWith(marker)), "");
}

TEST_P(RunEnd, IsCertainWhenAStoppedSupervisorIsKilled) {
  RunningRun run(person_, {"leave-children", "4", "60000"});
  ::kill(run.tree().supervisor, SIGSTOP);
  ::kill(run.tree().supervisor, SIGKILL);
  EXPECT_EQ(run.WaitForEnd(), 128 + SIGKILL);
  EXPECT_TRUE(Eventually([&] { return ProcessesWith(run.marker()).empty(); }));
  ExpectWorkIsKept();
}

}  // namespace
}  // namespace ambit::testing
