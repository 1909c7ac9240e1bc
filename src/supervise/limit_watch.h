#pragma once
// Holds the limits of a run that nothing in the kernel holds: the clocks, and what is only sampled.
// It looks from outside, ends the run softly where that is harmless, and keeps the figures for the
// record. Who calls: supervision.cc, on its event loop.
//
// Time is CLOCK_MONOTONIC: it stands still while the machine sleeps. A run is idle when its
// terminal shows nothing new, its processes use no processor time worth mentioning and nothing goes
// through its network; without a terminal, reading and writing counts as well. Time that the
// supervisor itself was stopped does not count as idle.
//
// What the kernel holds by itself while the run goes on, a process killed for memory alone or a
// fork refused, is told with its count, once a second at most (`limit.held`).
//
// The soft end: `limit.warning`, SIGTERM to the agent's process group, kGrace, and then the end of
// every process. Too much memory ends the run at once: the machine cannot wait.
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "event/event.h"
#include "plan/launch_plan.h"
#include "supervise/cgroup.h"
#include "supervise/outcome.h"
#include "supervise/run_processes.h"
#include "supervise/sampled_disk.h"
#include "supervise/sampled_memory.h"

namespace ambit::supervise {

/// Between the warning and the end.
inline constexpr std::chrono::seconds kGrace{5};

/// What a run has used, as far as it was looked at.
struct UsageFigures {
  std::uint64_t cpu_ms = 0;
  std::uint64_t memory_peak = 0;
  std::uint64_t processes_peak = 0;
  std::uint64_t disk_bytes = 0;  // 0: nobody looked
  std::uint64_t net_out_bytes = 0;
};

class LimitWatch {
 public:
  struct Inputs {
    const plan::LaunchPlan& plan;
    int run_directory;
    RunCgroup* cgroup;  // may be nullptr
    std::function<void(const event::Event&)> emit;
    std::function<void()> ask_agent_to_end;  // SIGTERM to its process group
    std::function<void(Outcome)> decide;     // how the run will have ended
    std::function<void()> end;               // now
    /// Bytes that the agent's terminal has shown; nothing when it has none.
    std::function<std::optional<std::uint64_t>()> terminal_output;
  };

  LimitWatch(boost::asio::io_context& io, Inputs inputs);
  ~LimitWatch();
  LimitWatch(const LimitWatch&) = delete;
  LimitWatch& operator=(const LimitWatch&) = delete;

  /// The run's root directory, before the agent exists. Without one nothing can be sampled: false.
  bool LookInto(int root);

  /// So many bytes have left the run by its network.
  void Sent(std::uint64_t bytes);
  /// Egress did not send more than policy::Limit::kNetOut allows: as when Watch finds a limit.
  void NetOutReached(std::uint64_t bytes);

  /// From the agent's start until a limit is reached; to be spawned.
  boost::asio::awaitable<void> Watch();

  /// As long as the run goes on, where the control group tells of what the kernel held; to be
  /// spawned. What it does not tell is looked at once a second.
  boost::asio::awaitable<void> HearOfHeldLimits();

  /// How the run ends when `as_it_seems` is how its first process did: the kernel kills for want of
  /// memory what it finds largest, and says so in the control group.
  Outcome EndOf(Outcome as_it_seems);

  /// Before the last processes are killed: takes the last figures, and tells which limit it was.
  UsageFigures End();

 private:
  using Clock = std::chrono::steady_clock;
  struct Check;

  struct Reached {
    const plan::Limit* limit;
    std::uint64_t used;
  };

  void AddCheckOf(const plan::Limit& limit);
  boost::asio::awaitable<void> EndSoftly(Reached reached);
  bool HasTooMuchMemory();
  [[nodiscard]] Clock::time_point NextMemoryLook(Clock::time_point otherwise) const;
  void Tell(std::string_view name, const Reached& reached);

  struct Held {
    policy::Limit kind;
    std::optional<std::uint64_t> CgroupUsage::* count;
    std::uint64_t told = 0;
  };
  enum class Telling : std::uint8_t { kOnceASecond, kTheRest };
  void TellHeldLimits(Telling telling);
  std::optional<std::uint64_t> CheckNetOut(const plan::Limit& limit, Clock::time_point& next);

  // Each: nothing, or what was used; `next` becomes the time of the next look.
  std::optional<std::uint64_t> CheckTime(const plan::Limit& limit, Clock::time_point& next);
  std::optional<std::uint64_t> CheckIdle(const plan::Limit& limit, Clock::time_point& next);
  std::optional<std::uint64_t> CheckCpu(const plan::Limit& limit, Clock::time_point& next);
  std::optional<std::uint64_t> CheckMemory(const plan::Limit& limit, Clock::time_point& next);
  std::optional<std::uint64_t> CheckDisk(const plan::Limit& limit, Clock::time_point& next);

  const ProcessTotals& CountProcesses();
  bool IsActive(Clock::duration since_last_look);

  Inputs inputs_;
  boost::asio::steady_timer timer_;
  std::vector<Check> checks_;
  std::optional<Reached> reached_;
  Clock::time_point started_{};

  std::optional<RunProcesses> processes_;
  std::optional<SampledMemory> memory_;
  std::optional<SampledDisk> disk_;
  DiskUse disk_use_;
  Clock::time_point disk_looked_{};

  ProcessTotals totals_;
  Clock::time_point counted_{};
  Clock::duration counting_took_{};
  std::uint64_t last_cpu_ms_ = 0;
  UsageFigures figures_;
  bool net_out_reached_ = false;

  std::array<Held, 2> held_ = {
      Held{.kind = policy::Limit::kMemory, .count = &CgroupUsage::oom_kills},
      Held{.kind = policy::Limit::kProcesses, .count = &CgroupUsage::refused_processes}};
  Clock::time_point held_told_{};

  struct Activity {
    std::optional<std::uint64_t> terminal;
    std::uint64_t cpu_ms = 0;
    std::uint64_t network = 0;
    std::uint64_t files = 0;
  } activity_;
  Clock::time_point last_active_{};
  Clock::time_point last_idle_look_{};
};

}  // namespace ambit::supervise
