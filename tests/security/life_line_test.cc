// kill -9 of the supervisor at 200 moments spread over all phases of a run: afterwards nothing of
// the run is left on the machine but its directory, and in that the work.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "attempts.h"
#include "running_run.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::steady_clock;

enum Phase { kPlanning, kEgressOnly, kBuilding, kAgentRuns, kEnding, kPhases };
constexpr std::array<const char*, kPhases> kNames = {"planning, no process yet", "egress started",
                                                     "init builds the walls", "the agent runs",
                                                     "the agent has ended"};

/// When each phase begins, and in the last place when ambit ends, in microseconds after its start.
using Boundaries = std::array<long, kPhases + 1>;

/// What must be the same before and after.
struct Machine {
  std::string mounts;
  std::set<std::string> leftovers;  // temporary files that name ambit
  bool operator==(const Machine&) const = default;
};

Machine LookAtMachine() {
  Machine machine{.mounts = ReadWhole("/proc/self/mountinfo"), .leftovers = {}};
  std::error_code ignored;
  for (const char* dir : {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue"}) {
    for (const auto& entry : fs::directory_iterator(dir, ignored)) {
      const std::string name = entry.path().filename();
      // Scratch directories belong to the tests that run at the same time.
      if (name.find("ambit") != std::string::npos && !name.starts_with("ambit-test")) {
        machine.leftovers.insert(entry.path());
      }
    }
  }
  return machine;
}

/// Of the runs below `state`. What a killed supervisor leaves is empty, and the next run removes
/// it.
std::set<std::string> ControlGroupsOf(const std::string& state) {
  std::set<std::string> names;
  std::error_code ignored;
  for (const auto& run : fs::directory_iterator(state + "/ambit/runs", ignored)) {
    names.insert("ambit-" + run.path().filename().string());
  }
  // Others make and remove their own meanwhile, which ends the walk.
  std::set<std::string> found;
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::error_code vanished;
    const auto skip = fs::directory_options::skip_permission_denied;
    for (auto it = fs::recursive_directory_iterator("/sys/fs/cgroup", skip, vanished);
         !vanished && it != fs::recursive_directory_iterator(); it.increment(vanished)) {
      if (names.contains(it->path().filename().string())) found.insert(it->path());
    }
    if (!vanished) return found;
  }
  ADD_FAILURE() << "/sys/fs/cgroup never stood still";
  return found;
}

long MicrosecondsSince(steady_clock::time_point start) {
  return duration_cast<microseconds>(steady_clock::now() - start).count();
}

class LifeLine : public ::testing::TestWithParam<Who> {
 protected:
  void SetUp() override { PutProbeInto(person_); }

  /// Starts one run with a state directory of its own; its agent leaves deaf children and ends
  /// after `milliseconds`.
  struct Started {
    pid_t supervisor = -1;
    std::string marker;
    std::string state;
    steady_clock::time_point at;
  };
  Started StartRun(const std::string& binary, int milliseconds, const std::string& walls_off = {}) {
    Started run{.supervisor = -1,
                .marker = NewMarker(),
                .state = fmt::format("{}/home/state-{}", person_.root(), ++runs_),
                .at = steady_clock::now()};
    run.supervisor = StartAs(person_,
                             {binary, "run", "-q", "--", "./probe", "leave-children", "5",
                              std::to_string(milliseconds), run.marker},
                             {{"XDG_STATE_HOME", run.state}, {"AMBIT_TEST_WALLS_OFF", walls_off}});
    return run;
  }

  Phase PhaseOf(const Started& run) const {
    const RunTree tree = LookAt(run.supervisor);
    if (tree.agent != 0) return kAgentRuns;
    if (HasWork(run)) return kEnding;
    if (tree.init != 0) return kBuilding;
    return tree.egress != 0 ? kEgressOnly : kPlanning;
  }

  /// Where the agent's file is kept: in the one run of this state directory.
  static bool HasWork(const Started& run) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(run.state + "/ambit/runs", ignored)) {
      if (ReadWhole(entry.path().string() + "/upper/project/made-by-the-agent") == "work\n") {
        return true;
      }
    }
    return false;
  }

  /// Begins of the phases of one undisturbed run, seen by looking without a pause.
  Boundaries Measure() {
    Boundaries begins;
    begins.fill(-1);
    begins[kPlanning] = 0;
    const Started run = StartRun(AmbitBinary(), kAgentMilliseconds);
    while (::waitpid(run.supervisor, nullptr, WNOHANG) == 0) {
      const Phase phase = PhaseOf(run);
      if (begins[phase] < 0) begins[phase] = MicrosecondsSince(run.at);
    }
    begins[kPhases] = MicrosecondsSince(run.at);
    for (std::size_t phase = kPhases - 1; phase > 0; --phase) {
      if (begins[phase] < 0) begins[phase] = begins[phase + 1];  // too short to be seen
    }
    return begins;
  }

  Boundaries MedianOfFive() {
    std::array<Boundaries, 5> measured;
    for (Boundaries& one : measured) one = Measure();
    Boundaries median;
    for (std::size_t i = 0; i < median.size(); ++i) {
      std::array<long, 5> values;
      for (std::size_t n = 0; n < 5; ++n) values[n] = measured[n][i];
      std::ranges::sort(values);
      median[i] = values[2];
    }
    return median;
  }

  /// Waits until the run has come to `phase`, then `offset` microseconds more. Returns the phase
  /// it is in at the end.
  Phase WaitForMoment(const Started& run, Phase phase, long offset) const {
    while (PhaseOf(run) < phase && IsAlive(run.supervisor)) {
    }
    const auto reached = steady_clock::now();
    while (MicrosecondsSince(reached) < offset) {
    }
    return PhaseOf(run);
  }

  void ExpectOnlyTheWorkIsLeft(const Started& run, const Machine& before) {
    EXPECT_TRUE(Eventually([&] { return ProcessesWith(run.marker).empty(); }));
    EXPECT_EQ(LookAtMachine(), before);
    if (!HasWork(run)) return;
    const Finished diff =
        person_.Ambit({"diff", "--name-status"}, {}, {{"XDG_STATE_HOME", run.state}});
    EXPECT_EQ(diff.exit_code, 0) << diff.err;
    EXPECT_EQ(diff.out, "A\tmade-by-the-agent\n");
  }

  static constexpr int kAgentMilliseconds = 15;
  Scratch person_{GetParam()};
  int runs_ = 0;
};
INSTANTIATE_TEST_SUITE_P(As, LifeLine, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(LifeLine, EndsEverythingWheneverTheSupervisorIsKilled) {
  constexpr int kMomentsPerPhase = 40;
  const Boundaries begins = MedianOfFive();
  const Machine before = LookAtMachine();
  std::array<int, kPhases> hit{};
  int with_work = 0;
  long slowest = 0;
  std::vector<std::string> states;
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    long length = begins[phase + 1] - begins[phase];
    int missed = 0;
    for (int moment = 0; moment < kMomentsPerPhase;) {
      const Started run = StartRun(AmbitBinary(), kAgentMilliseconds);
      const Phase at =
          WaitForMoment(run, static_cast<Phase>(phase), length * moment / kMomentsPerPhase);
      if (::waitpid(run.supervisor, nullptr, WNOHANG) != 0) {
        ExpectOnlyTheWorkIsLeft(run, before);
        length = length * 9 / 10;  // over before it could be killed: a little earlier, then
        ASSERT_LT(++missed, 20 * kMomentsPerPhase) << "runs end before they can be killed";
        continue;
      }
      ::kill(run.supervisor, SIGKILL);
      const auto killed = steady_clock::now();
      ::waitpid(run.supervisor, nullptr, 0);
      ExpectOnlyTheWorkIsLeft(run, before);
      slowest = std::max(slowest, MicrosecondsSince(killed));
      states.push_back(run.state);
      ++hit[at];
      ++moment;
      with_work += HasWork(run) ? 1 : 0;
      if (HasFailure()) {
        KillAllWith(run.marker);
        FAIL() << "killed while: " << kNames[at];
      }
    }
  }
  EXPECT_EQ(person_.Sh("true").exit_code, 0);
  for (const std::string& state : states)
    EXPECT_EQ(ControlGroupsOf(state), std::set<std::string>()) << state;
  fmt::print("as {}: {} kills, work kept in {}, all quiet and looked at within {} ms\n",
             NameOf(GetParam()), kPhases * kMomentsPerPhase, with_work, slowest / 1000);
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    fmt::print("  {:26} from {:6} us: {:3} kills\n", kNames[phase], begins[phase], hit[phase]);
  }
  // A phase that no kill hit would be untested.
  for (const Phase phase : {kPlanning, kBuilding, kAgentRuns, kEnding}) {
    EXPECT_GT(hit[phase], 0) << kNames[phase];
  }
  EXPECT_GT(with_work, 0);
}

/// Without the life line the same kill leaves the run alive: the test above can fail.
TEST_P(LifeLine, IsWhatEndsThem) {
  for (int i = 0; i < 5; ++i) {
    const Started run = StartRun(BinaryForWallTests(), 60000, "lifeline");
    ASSERT_TRUE(Eventually([&] { return HasWork(run); }));
    ::kill(run.supervisor, SIGKILL);
    ::waitpid(run.supervisor, nullptr, 0);
    ::usleep(200'000);
    EXPECT_GE(ProcessesWith(run.marker).size(), 6U);  // the agent and its children
    KillAllWith(run.marker);
    EXPECT_TRUE(Eventually([&] { return ProcessesWith(run.marker).empty(); }));
  }
}

}  // namespace
}  // namespace ambit::testing
