// kill -9 of ambit at any moment of a run's life, from its set-up to its end: the journal verifies,
// what it lost is as young as docs/events.md says, and the work can be reviewed.
//
// How old an event can be that is lost. Init gathers records for 20 ms (spawn/native/witness.cc),
// the supervisor events for 100 ms (event::kCommitInterval): kGathered. On the way a process is
// woken up three times: init by its timeout, the supervisor by the socket, and by its own timer.
// How late this machine wakes up somebody is measured at the same time, by a thread that asks to
// sleep for a millisecond again and again; three times the worst of it is added, and kWork for
// what both do with a group.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, which a run has no own of

constexpr int kMoments = 50;  // as root and as a user each
constexpr int kFiles = 200;
constexpr milliseconds kGathered(120);
constexpr milliseconds kWork(20);

/// Makes files 1 to kFiles, one each millisecond, and says of each when it was there.
constexpr const char* kAgent = R"(
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char** argv) {
  for (int i = 1; i <= atoi(argv[1]); ++i) {
    char text[64];
    struct timespec now;
    snprintf(text, sizeof text, "n%06d", i);
    int file = open(text, O_WRONLY | O_CREAT, 0644);
    if (file < 0) return 1;  // init is gone, and nobody answers
    close(file);
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "%d %lld\n", i, now.tv_sec * 1000000000LL + now.tv_nsec);
    write(1, text, strlen(text));
    usleep(1000);
  }
  write(1, "done\n", 5);
}
)";

/// How late somebody who asks to be woken up after a millisecond is woken up.
class Lateness {
 public:
  Lateness() : thread_([this] { Measure(); }) {}
  ~Lateness() {
    done_ = true;
    thread_.join();
  }
  void Forget() { worst_ns_ = 0; }
  nanoseconds worst() const { return nanoseconds(worst_ns_); }

 private:
  void Measure() {
    while (!done_) {
      const Clock::time_point due = Clock::now() + milliseconds(1);
      std::this_thread::sleep_until(due);
      const std::int64_t late = duration_cast<nanoseconds>(Clock::now() - due).count();
      if (late > worst_ns_) worst_ns_ = late;
    }
  }
  std::atomic<bool> done_ = false;
  std::atomic<std::int64_t> worst_ns_ = 0;
  std::thread thread_;
};

/// What the agent said: when the file of each number, from 1 on, was there.
struct Said {
  std::vector<Clock::time_point> times;
  bool done = false;
};

Said Parse(std::string_view text) {
  Said said;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;
       text.remove_prefix(end + 1)) {
    const std::string_view line = text.substr(0, end);
    const std::size_t space = line.find(' ');
    std::int64_t ns = 0;
    if (space != std::string_view::npos) {
      std::from_chars(line.data() + space + 1, line.data() + line.size(), ns);
      said.times.emplace_back(nanoseconds(ns));
    }
    said.done |= line == "done";
  }
  return said;
}

enum class Phase : std::uint8_t { kSetUp, kLife, kEnd };

class AuditKill : public ::testing::TestWithParam<Who> {
 protected:
  AuditKill() {
    person_.Write("project/agent.c", kAgent);
    EXPECT_EQ(person_.Execute({"gcc", "-O1", "-o", "agent", "agent.c"}).exit_code, 0);
    person_.Write("out", "");
  }

  std::set<std::string> Runs() const {
    std::set<std::string> runs;
    std::error_code not_yet;
    for (const auto& entry :
         fs::directory_iterator(person_.home() + "/.local/state/ambit/runs", not_yet)) {
      runs.insert(entry.path().filename().string());
    }
    return runs;
  }

  /// Of the moment of a phase, which begins with what the agent says.
  void WaitFor(Phase phase) const {
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (phase != Phase::kSetUp && Clock::now() < deadline) {
      const Said said = Parse(person_.Read("out"));
      if (phase == Phase::kLife ? !said.times.empty() : said.done) return;
      std::this_thread::sleep_for(microseconds(500));
    }
  }

  struct Killed {
    std::string run;  // empty: it had no directory yet
    Said said;
    Clock::time_point at;
    nanoseconds late{0};
  };

  Killed RunAndKill(Phase phase, microseconds after) {
    person_.Write("out", "");
    const std::set<std::string> before = Runs();
    lateness_.Forget();
    const pid_t ambit =
        person_.Start({"run", "-q", "--keep-run", "--", "./agent", std::to_string(kFiles)}, "out");
    WaitFor(phase);
    std::this_thread::sleep_for(after);
    Killed killed;
    killed.at = Clock::now();
    ::kill(ambit, SIGKILL);
    ::waitpid(ambit, nullptr, 0);
    killed.late = lateness_.worst();
    killed.said = Parse(person_.Read("out"));
    for (const std::string& run : Runs()) {
      if (!before.contains(run)) killed.run = run;
    }
    return killed;
  }

  /// The numbers that the journal knows, which must be 1, 2, 3 ... without a gap.
  std::size_t NumbersInJournal(const std::string& run) const {
    const std::string text = person_.Read("home/.local/state/ambit/runs/" + run + "/journal.jsonl");
    std::size_t last = 0;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos;
         at = end + 1) {
      const json event = json::parse(text.substr(at, end - at));
      if (event["event"] != "file.create") continue;
      ++last;
      EXPECT_EQ(event["path"], fmt::format("{}/n{:06}", person_.project(), last));
    }
    return last;
  }

  /// Counts what was lost, and holds it to be young.
  void CheckWhatWasLost(const Killed& killed, std::size_t known) {
    const nanoseconds most = kGathered + kWork + 3 * killed.late;
    for (std::size_t i = known; i < killed.said.times.size(); ++i) {
      const nanoseconds age = killed.at - killed.said.times[i];
      if (age.count() < 0) break;  // the agent outlives ambit by a moment
      ++lost_;
      oldest_lost_ = std::max(oldest_lost_, age);
      EXPECT_LT(age, most) << killed.run << ": " << i + 1 << " of " << killed.said.times.size();
    }
  }

  void Judge(const Killed& killed) {
    const Finished verified = person_.Ambit({"audit", "verify", killed.run});
    if (!person_.Exists("home/.local/state/ambit/runs/" + killed.run + "/journal.jsonl")) {
      ++without_journal_;
      EXPECT_TRUE(killed.said.times.empty()) << "an agent without a journal";
      EXPECT_THAT(verified.err, AnyOf(HasSubstr("has no record"), HasSubstr("has no journal")));
      return;
    }
    const std::size_t known = NumbersInJournal(killed.run);
    if (verified.exit_code == 0) {
      ++sealed_;
      EXPECT_EQ(known, static_cast<std::size_t>(kFiles));
    } else {
      EXPECT_EQ(verified.exit_code, 3) << verified.out << verified.err;
      // The kernel may stop in the middle of what a process that is killed writes.
      EXPECT_THAT(verified.out, AnyOf(HasSubstr("ambit was killed before it could seal it"),
                                      HasSubstr("of a record that was cut off")));
      if (known > 0) ++cut_in_work_;
    }
    CheckWhatWasLost(killed, known);
    const Finished diff = person_.Ambit({"diff", killed.run, "--name-status"});
    EXPECT_EQ(diff.exit_code, 0) << diff.err;
    if (!killed.said.times.empty()) {
      EXPECT_THAT(diff.out, HasSubstr(fmt::format("n{:06}", killed.said.times.size())));
    }
  }

  Scratch person_{GetParam()};
  Lateness lateness_;
  int without_journal_ = 0;
  int cut_in_work_ = 0;
  int sealed_ = 0;
  int lost_ = 0;
  nanoseconds oldest_lost_{0};
};
INSTANTIATE_TEST_SUITE_P(As, AuditKill, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(AuditKill, AtAnyMomentLosesOnlyWhatIsYoungAndAlwaysVerifies) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);  // the first run makes the key
  std::mt19937 random(11);
  const auto within = [&random](milliseconds span) {
    return microseconds(random() % static_cast<std::uint32_t>(microseconds(span).count()));
  };
  for (int moment = 0; moment < kMoments; ++moment) {
    // A quarter while it is set up, a quarter about its end.
    const bool early = moment < kMoments / 4;
    const Phase phase = early                       ? Phase::kSetUp
                        : moment < 3 * kMoments / 4 ? Phase::kLife
                                                    : Phase::kEnd;
    const Killed killed = RunAndKill(phase, within(milliseconds(phase == Phase::kLife ? 220 : 25)));
    if (killed.run.empty()) {
      EXPECT_TRUE(killed.said.times.empty());
      ++without_journal_;
    } else {
      Judge(killed);
    }
  }
  fmt::print(
      "{}: before its journal {}, cut in its work {}, sealed {}; lost {}, the oldest {} ms\n",
      NameOf(GetParam()), without_journal_, cut_in_work_, sealed_, lost_,
      duration_cast<milliseconds>(oldest_lost_).count());
  // The moments were spread, and something was lost: what is not there can be seen.
  EXPECT_GE(cut_in_work_, kMoments / 4);
  EXPECT_GT(lost_, 0);
}

}  // namespace
}  // namespace ambit::testing
