// The limits of a run: what happens at each, from outside. Everything that is too much here is
// bounded by itself, too: a test of a limit that does not hold must not bring down the machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <sstream>
#include <string>
#include <thread>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Limits : public ::testing::TestWithParam<Who> {
 protected:
  /// A run of SCRIPT with FLAGS, and how long it took.
  Finished Sh(const std::string& script, std::vector<std::string> flags) {
    const Clock::time_point began = Clock::now();
    Finished run = person_.Sh(script, std::move(flags));
    took_ = Clock::now() - began;
    return run;
  }
  std::string Inspected() { return person_.Ambit({"inspect", "--json"}).out; }
  void ExpectEndedBy(const Finished& run, int exit_code, const std::string& cause,
                     const std::string& flag) {
    EXPECT_EQ(run.exit_code, exit_code) << run.err;
    EXPECT_THAT(run.err, AllOf(HasSubstr("limit"), HasSubstr(flag)));
    EXPECT_THAT(Inspected(), HasSubstr(R"("outcome":{"cause":")" + cause + R"(","exit_code":)" +
                                       std::to_string(exit_code)));
  }
  bool IsHeldByControlGroup(const std::string& limit) {
    const std::string plan = person_.Ambit({"plan", "--", "true"}).out;
    const std::size_t at = plan.find("limit " + limit + " ");
    EXPECT_NE(at, std::string::npos) << plan;
    return plan.substr(at, plan.find('\n', at) - at).contains("hard: cgroup");
  }
  std::string Journal() {
    return person_.Execute({"sh", "-c", "cat ~/.local/state/ambit/runs/*/journal.jsonl"}).out;
  }

  Scratch person_{GetParam()};
  Clock::duration took_{};
};
INSTANTIATE_TEST_SUITE_P(As, Limits, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Limits, TimeEndsARunThatSleepsAsSoonAsItIsAsked) {
  ExpectEndedBy(Sh("exec sleep 30", {"--time", "1s"}), 124, "time-limit", "--time");
  EXPECT_GE(took_, seconds(1));
  EXPECT_LT(took_, seconds(4));
  const std::string journal = Journal();
  EXPECT_THAT(journal, AllOf(HasSubstr(R"("event":"limit.warning","limit":"time","value":1000)"),
                             HasSubstr(R"("event":"limit.reached","limit":"time")"),
                             HasSubstr(R"("event":"run.ended","cause":"time-limit")")));
}

TEST_P(Limits, TimeEndsWhatStoppedItselfAndWhatDoesNotWantToEndAfterTheGrace) {
  const Finished run =
      Sh("trap 'echo asked' TERM; kill -STOP $$; while :; do sleep 1; done", {"--time", "1s"});
  ExpectEndedBy(run, 124, "time-limit", "--time");
  EXPECT_THAT(run.out, HasSubstr("asked\n"));
  EXPECT_GE(took_, seconds(6));
  EXPECT_LT(took_, seconds(12));
}

TEST_P(Limits, ARunThatEndsInTimeKeepsItsOwnEnd) {
  EXPECT_EQ(Sh("exit 7", {"--time", "30s"}).exit_code, 7);
  EXPECT_THAT(Inspected(), HasSubstr(R"("cause":"exited","exit_code":7)"));
  EXPECT_THAT(Journal(), Not(HasSubstr("limit.")));
}

TEST_P(Limits, OneWhoEndsWellAfterTheWarningWasEndedByTheLimitAllTheSame) {
  ExpectEndedBy(Sh("trap 'exit 0' TERM; while :; do sleep 0.1; done", {"--time", "1s"}), 124,
                "time-limit", "--time");
  EXPECT_LT(took_, seconds(4));
}

TEST_P(Limits, ProcessorTimeOfAllProcessesTogetherCounts) {
  ExpectEndedBy(Sh("for n in 1 2; do (while :; do :; done) & done; wait", {"--cpu-time", "1s"}),
                141, "cpu-time-limit", "--cpu-time");
}

TEST_P(Limits, OnlyARunThatDoesNothingIsIdle) {
  ExpectEndedBy(Sh("exec sleep 30", {"--idle", "1s"}), 141, "idle-limit", "--idle");
  const Finished busy = Sh("end=$(( $(date +%s) + 3 )); while [ $(date +%s) -lt $end ]; do :; done",
                           {"--idle", "1s"});
  EXPECT_EQ(busy.exit_code, 0) << busy.err;
  const Finished telling = Sh("for n in 1 2 3 4 5; do echo $n; sleep 0.5; done", {"--idle", "1s"});
  EXPECT_EQ(telling.exit_code, 0) << telling.err;
}

constexpr const char* kForks = R"(exec python3 -c '
import os, time
made = []
for n in range(200):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    made.append(pid)
print(len(made) < 30, len(made) > 20, len(made) == 200, flush=True)
for pid in made:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
os.system("echo alive")
')";

TEST_P(Limits, ForksBeyondTheLimitFailAndTheRunGoesOn) {
  const Finished run = Sh(kForks, {"--processes", "30"});
  EXPECT_EQ(run.out, "True True False\nalive\n") << run.err;
  EXPECT_EQ(run.exit_code, 0);
  if (IsHeldByControlGroup("processes")) {  // RLIMIT_NPROC counts nothing
    EXPECT_THAT(Journal(), HasSubstr(R"("event":"limit.held","limit":"processes","value":30,)"));
  }
  const Finished control = Sh(kForks, {"--processes", "300"});
  EXPECT_EQ(control.out, "False True True\nalive\n") << control.err;
}

constexpr const char* kAnonymous =
    "python3 -c 'import time\nkept=[]\nfor n in range(64): kept.append(bytearray(b\"x\") * (16 << "
    "20))\nprint(\"had it all\", flush=True)\ntime.sleep(5)'";
constexpr const char* kUnmapped =
    "python3 -c 'import os, time\nfd=os.memfd_create(\"x\")\nfor n in range(64): os.write(fd, "
    "b\"x\" * (16 << 20))\nprint(\"had it all\", flush=True)\ntime.sleep(5)'";

TEST_P(Limits, MemoryIsLimitedHoweverItIsHad) {
  for (const char* hog : {kAnonymous, kUnmapped}) {
    ExpectEndedBy(Sh(hog, {"--memory", "256MiB"}), 137, "memory-limit", "--memory");
  }
  const Finished full = Sh("head -c 1073741824 /dev/zero > /dev/shm/x; stat -c %s /dev/shm/x",
                           {"--memory", "256MiB"});
  EXPECT_NE(full.out, "1073741824\n");
  const Finished control =
      Sh("head -c 100000000 /dev/zero > /dev/shm/x && echo there", {"--memory", "256MiB"});
  EXPECT_EQ(control.out, "there\n") << control.err;
}

/// An agent that is larger than the tool it starts; it waits until the supervisor has heard of it.
constexpr const char* kLargeAgent = R"(
import subprocess, time
kept = bytearray(b"x") * (150 << 20)
time.sleep(0.2)
tool = """
import time
time.sleep(0.3)
kept = []
for n in range(40): kept.append(bytearray(b"x") * (8 << 20))
print("had it all", flush=True)
"""
print(subprocess.run(["python3", "-c", tool]).returncode, len(kept), flush=True)
print(open("/run/ambit/denials").read(), flush=True)
)";

/// Only a control group kills one process alone; a sampled limit ends the run.
TEST_P(Limits, AToolThatTakesTooMuchMemoryDiesBeforeALargerAgentAndIsTold) {
  const auto agent = [&](const char* files) {
    return person_.Ambit({"run", "--no-preset", "--memory", "256MiB", "--audit-files", files, "--",
                          "python3", "-c", kLargeAgent});
  };
  if (!IsHeldByControlGroup("memory")) {
    ExpectEndedBy(agent("writes"), 137, "memory-limit", "--memory");
    return;
  }
  const Finished run = agent("writes");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("-9 157286400\n"));
  EXPECT_THAT(run.err, HasSubstr("1 process killed for want of memory (--memory)"));
  EXPECT_THAT(Journal(), HasSubstr(R"("event":"limit.held","limit":"memory","value":268435456,)"
                                   R"("count":1,"from":"--memory")"));
  EXPECT_THAT(person_.Ambit({"why"}).out,
              AllOf(HasSubstr("1 process killed at the limit of"), HasSubstr("--memory")));
  // The control: without the order the kernel takes the largest.
  ExpectEndedBy(agent("off"), 137, "memory-limit", "--memory");
}

TEST_P(Limits, InitComesLastWhenMemoryIsShortAndNothingInsideChangesTheOrder) {
  const Finished run = Sh(
      "sleep 0.3; read init < /proc/1/oom_score_adj; read agent < /proc/$$/oom_score_adj; echo "
      "$init; echo $agent; sh -c 'sleep 0.3; read tool < /proc/$$/oom_score_adj; echo $tool; echo "
      "0 > /proc/$$/oom_score_adj || echo refused'",
      {});
  std::istringstream words(run.out);
  int init = 0;
  int agent = 0;
  int tool = 0;
  std::string refused;
  words >> init >> agent >> tool >> refused;
  EXPECT_LT(init, agent) << run.err;
  EXPECT_LT(agent, tool) << run.err;
  EXPECT_EQ(tool, 1000);
  EXPECT_EQ(refused, "refused") << run.err;
}

TEST_P(Limits, WhatProcessesShareCountsOnce) {
  const Finished run = Sh(
      "python3 -c 'import os, time\nkept=bytearray(b\"x\") * (100 << 20)\nfor n in range(4):\n  if "
      "os.fork() == 0: break\ntime.sleep(2)\nprint(len(kept), flush=True)\nos._exit(0)'; sleep 1",
      {"--memory", "256MiB"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_P(Limits, TheDiskIsLimitedAcrossFiles) {
  ExpectEndedBy(Sh("for n in $(seq 64); do head -c 16777216 /dev/zero > file$n; sleep 0.05; done; "
                   "sleep 5; echo all",
                   {"--disk", "64MiB"}),
                141, "disk-limit", "--disk");
  const Finished sparse =
      Sh("truncate -s 60M a; truncate -s 60M b; truncate -s 60M c; sleep 1; "
         "echo there",
         {"--disk", "64MiB"});
  EXPECT_EQ(sparse.out, "there\n") << sparse.err;
}

TEST_P(Limits, FilesAndDirectoriesAreLimited) {
  ExpectEndedBy(Sh("mkdir d; for n in $(seq 40); do (cd d && seq -f f$n-%g 500 | xargs touch); "
                   "done; sleep 10",
                   {"--inodes", "2000"}),
                141, "disk-limit", "--inodes");
}

/// 8 MiB at 4 MiB a second: the kernel lets the last byte through after 1.5 s or later, on any
/// machine. The control shows that the disk is faster.
TEST_P(Limits, IoIsSlowedDownWhereTheKernelCanAndRefusedElsewhere) {
  const std::string write = "dd if=/dev/zero of=big bs=1M count=8 oflag=direct 2>&1";
  const bool held = person_.Ambit({"plan", "--io", "4MiB", "--", "true"}).exit_code == 0;
  const Finished slow = Sh(write, {"--io", "4MiB"});
  if (!held) {
    EXPECT_EQ(slow.exit_code, 125);
    EXPECT_THAT(slow.err, HasSubstr("--io 4 MiB/s: nothing can hold that here: "));
    return;
  }
  EXPECT_EQ(slow.exit_code, 0) << slow.out << slow.err;
  EXPECT_GE(took_, std::chrono::milliseconds(1500));
  EXPECT_EQ(Sh(write, {"--io", "1GiB"}).exit_code, 0);
  EXPECT_LT(took_, std::chrono::milliseconds(1500));
}

TEST_P(Limits, OpenFilesAreLimited) {
  EXPECT_EQ(Sh("ulimit -n", {"--open-files", "100"}).out, "100\n");
}

TEST_P(Limits, StandBesideWhatARunUses) {
  const pid_t ambit = person_.Start({"run", "-q", "--processes", "77", "--time", "1h", "--", "sh",
                                     "-c", "echo up; exec sleep 20"},
                                    "out");
  for (int n = 0; n < 100 && person_.Read("out") != "up\n"; ++n) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const Finished top = person_.Ambit({"top"});
  const Finished top_json = person_.Ambit({"top", "--json"});
  const Finished stats = person_.Ambit({"stats"});
  ::kill(ambit, SIGTERM);
  ::waitpid(ambit, nullptr, 0);
  EXPECT_THAT(top.out, HasSubstr("2 of 77")) << top.err;
  EXPECT_THAT(top_json.out, HasSubstr(R"("processes":77)")) << top_json.err;
  EXPECT_THAT(stats.out, AllOf(HasSubstr("2 of 77"), HasSubstr(" of 1h"))) << stats.err;
  EXPECT_THAT(person_.Ambit({"stats", "--json"}).out, HasSubstr(R"("time":3600000)"));
  EXPECT_THAT(person_.Ambit({"inspect"}).out,
              AllOf(HasSubstr("time 1h"), HasSubstr("processes 77"), HasSubstr("used")));
}

TEST_P(Limits, TopAndStatsTellWhatARunUses) {
  const pid_t ambit =
      person_.Start({"run", "-q", "--", "sh", "-c", "echo up; exec sleep 20"}, "out");
  for (int n = 0; n < 100 && person_.Read("out") != "up\n"; ++n) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const Finished top = person_.Ambit({"top", "--json"});
  const Finished now = person_.Ambit({"stats", "--json"});
  const Finished people = person_.Ambit({"top"});
  ::kill(ambit, SIGTERM);
  ::waitpid(ambit, nullptr, 0);
  EXPECT_THAT(top.out, AllOf(HasSubstr(R"("processes":2)"), HasSubstr(R"("disk_bytes":)")))
      << top.err;
  EXPECT_THAT(now.out, AllOf(HasSubstr(R"("alive":true)"), HasSubstr(R"("processes":2)")))
      << now.err;
  EXPECT_THAT(people.out, HasSubstr("sleep 20"));
  EXPECT_THAT(person_.Ambit({"stats", "--json"}).out,
              AllOf(HasSubstr(R"("alive":false)"), HasSubstr("memory_peak")));
}

}  // namespace
}  // namespace ambit::testing
