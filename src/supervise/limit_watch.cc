#include "supervise/limit_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "supervise/limit_outcome.h"
#include "supervise/run_usage.h"

namespace ambit::supervise {
namespace {

namespace asio = boost::asio;
using policy::Limit;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kUsualInterval{250};
/// For the figures of the record alone.
constexpr milliseconds kRecordEvery{1000};
/// A count of the processes may take a hundredth of the time.
constexpr int kRestAfterCount = 100;
/// But a run that is slow to look at is not looked at less than that.
constexpr milliseconds kLongestRest{1000};
/// Looks at one limit that come this close together share a count.
constexpr milliseconds kFresh{20};
/// Processor time, in parts of one processor, below which a run is idle.
constexpr std::uint64_t kIdlePart = 50;
/// Between two lines of what the kernel held; a little less than kRecordEvery, which brings the
/// next.
constexpr milliseconds kHeldEvery{900};
/// Until the kernel has counted what it tells of.
constexpr milliseconds kCounted{20};
constexpr std::uint64_t kTick = 10;  // milliseconds; processor time is not told finer

milliseconds IntervalOf(const plan::Limit& limit) {
  return limit.interval_ms == 0 ? kUsualInterval : milliseconds(limit.interval_ms);
}

std::int64_t Number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

}  // namespace

struct LimitWatch::Check {
  const plan::Limit* limit;  // nullptr: for the record
  std::optional<std::uint64_t> (LimitWatch::*look)(const plan::Limit&, Clock::time_point&);
  Clock::time_point next{};
};

LimitWatch::LimitWatch(asio::io_context& io, Inputs inputs)
    : inputs_(std::move(inputs)), timer_(io) {
  for (const plan::Limit& limit : inputs_.plan.limits.all) AddCheckOf(limit);
}

LimitWatch::~LimitWatch() = default;

void LimitWatch::AddCheckOf(const plan::Limit& limit) {
  const bool sampled = limit.means == plan::Means::kSampled;
  switch (limit.kind) {
    case Limit::kTime:
      checks_.push_back({.limit = &limit, .look = &LimitWatch::CheckTime});
      return;
    case Limit::kIdle:
      checks_.push_back({.limit = &limit, .look = &LimitWatch::CheckIdle});
      return;
    case Limit::kCpuTime:
      checks_.push_back({.limit = &limit, .look = &LimitWatch::CheckCpu});
      return;
    case Limit::kMemory:
      if (sampled) checks_.push_back({.limit = &limit, .look = &LimitWatch::CheckMemory});
      return;
    case Limit::kDisk:
    case Limit::kInodes:
      if (sampled) checks_.push_back({.limit = &limit, .look = &LimitWatch::CheckDisk});
      return;
    case Limit::kNetOut:
      checks_.push_back({.limit = &limit, .look = &LimitWatch::CheckNetOut});
      return;
    case Limit::kCpus:
    case Limit::kProcesses:
    case Limit::kIo:
    case Limit::kOpenFiles:
      return;  // the kernel's alone
  }
}

bool LimitWatch::LookInto(int root) {
  Result<RunProcesses> processes = RunProcesses::Open(root);
  if (!processes) return false;
  processes_ = *std::move(processes);
  std::vector<std::string> in_memory;
  for (const plan::Mount& mount : inputs_.plan.mounts) {
    if (mount.kind == plan::Mount::Kind::kTmpfs) in_memory.push_back(mount.inside);
  }
  memory_.emplace(root, in_memory);
  disk_.emplace(inputs_.run_directory);
  return true;
}

asio::awaitable<void> LimitWatch::Watch() {
  started_ = last_active_ = last_idle_look_ = Clock::now();
  Clock::time_point next_record = started_ + kRecordEvery;
  for (Check& check : checks_) check.next = started_;
  for (;;) {
    Clock::time_point next = next_record;
    for (Check& check : checks_) {
      if (check.next <= Clock::now()) {
        if (const auto used = (this->*check.look)(*check.limit, check.next)) {
          co_await EndSoftly({.limit = check.limit, .used = *used});
          co_return;
        }
      }
      next = std::min(next, check.next);
    }
    if (next_record <= Clock::now()) {
      (void)CountProcesses();
      TellHeldLimits(Telling::kOnceASecond);
      next_record =
          Clock::now() + std::max<Clock::duration>(kRecordEvery, counting_took_ * kRestAfterCount);
    }
    timer_.expires_at(next);
    boost::system::error_code error;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error && !net_out_reached_) co_return;
  }
}

void LimitWatch::Sent(std::uint64_t bytes) {
  if (bytes <= figures_.net_out_bytes) return;
  figures_.net_out_bytes = bytes;
  WriteSentBytes(inputs_.run_directory, bytes);
}

void LimitWatch::NetOutReached(std::uint64_t bytes) {
  Sent(bytes);
  if (net_out_reached_ || reached_) return;
  net_out_reached_ = true;
  for (Check& check : checks_) {
    if (check.look == &LimitWatch::CheckNetOut) check.next = Clock::now();
  }
  timer_.cancel();  // nobody waits for the next look
}

/// Told, not looked at.
std::optional<std::uint64_t> LimitWatch::CheckNetOut(const plan::Limit&, Clock::time_point& next) {
  next = Clock::now() + kRecordEvery;
  if (!net_out_reached_) return std::nullopt;
  return figures_.net_out_bytes;
}

asio::awaitable<void> LimitWatch::HearOfHeldLimits() {
  const int alarm = inputs_.cgroup != nullptr ? inputs_.cgroup->alarm() : -1;
  if (alarm < 0) co_return;
  asio::posix::stream_descriptor told(timer_.get_executor());
  boost::system::error_code error;
  told.assign(::fcntl(alarm, F_DUPFD_CLOEXEC, 3), error);
  if (error) co_return;  // looked at once a second all the same
  asio::steady_timer rest(timer_.get_executor());
  for (;;) {
    co_await told.async_wait(asio::posix::stream_descriptor::wait_read,
                             asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    inputs_.cgroup->Acknowledge();
    // v1 tells before the kernel has counted, and v2 of reclaim as well, 100 times a second.
    rest.expires_after(kCounted);
    co_await rest.async_wait(asio::redirect_error(asio::use_awaitable, error));
    TellHeldLimits(Telling::kOnceASecond);
  }
}

void LimitWatch::TellHeldLimits(Telling telling) {
  if (inputs_.cgroup == nullptr) return;
  if (telling == Telling::kOnceASecond && Clock::now() - held_told_ < kHeldEvery) return;
  const CgroupUsage usage = inputs_.cgroup->Read();
  for (Held& held : held_) {
    const plan::Limit* limit = inputs_.plan.limits.Find(held.kind);
    const std::uint64_t count = (usage.*held.count).value_or(0);
    if (limit == nullptr || count <= held.told) continue;
    inputs_.emit({event::kLimitHeld,
                  {{"limit", std::string(WordsFor(held.kind).name)},
                   {"value", Number(limit->value)},
                   {"count", Number(count - held.told)},
                   {"from", limit->from}}});
    held.told = count;
    held_told_ = Clock::now();
  }
}

asio::awaitable<void> LimitWatch::EndSoftly(Reached reached) {
  reached_ = reached;
  inputs_.decide(LimitReached(*reached.limit, reached.used));
  if (reached.limit->kind != Limit::kMemory) {
    Tell(event::kLimitWarning, reached);
    inputs_.ask_agent_to_end();
    const Clock::time_point latest = Clock::now() + kGrace;
    while (Clock::now() < latest && !HasTooMuchMemory()) {
      timer_.expires_at(std::min(latest, NextMemoryLook(latest)));
      boost::system::error_code error;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
  }
  inputs_.end();
}

/// The grace is for ending well, not for taking what the machine does not have.
bool LimitWatch::HasTooMuchMemory() {
  for (Check& check : checks_) {
    if (check.look != &LimitWatch::CheckMemory || check.next > Clock::now()) continue;
    if (CheckMemory(*check.limit, check.next)) return true;
  }
  return false;
}

LimitWatch::Clock::time_point LimitWatch::NextMemoryLook(Clock::time_point otherwise) const {
  for (const Check& check : checks_) {
    if (check.look == &LimitWatch::CheckMemory) return check.next;
  }
  return otherwise;
}

void LimitWatch::Tell(std::string_view name, const Reached& reached) {
  inputs_.emit({name,
                {{"limit", std::string(WordsFor(reached.limit->kind).name)},
                 {"value", Number(reached.limit->value)},
                 {"used", Number(reached.used)},
                 {"from", reached.limit->from}}});
}

Outcome LimitWatch::EndOf(Outcome as_it_seems) {
  constexpr int kKilled = 128 + SIGKILL;
  // A shell passes on how its last command ended.
  const bool killed = as_it_seems.exit_code == kKilled || as_it_seems.cause == Cause::kRunFailed;
  if (inputs_.cgroup == nullptr || reached_ || !killed) return as_it_seems;
  const CgroupUsage usage = inputs_.cgroup->Read();
  const plan::Limit* memory = inputs_.plan.limits.Find(Limit::kMemory);
  if (memory == nullptr || usage.oom_kills.value_or(0) == 0) return as_it_seems;
  reached_ = {.limit = memory, .used = usage.memory_peak_bytes.value_or(memory->value)};
  return LimitReached(*memory, memory->value);
}

UsageFigures LimitWatch::End() {
  counted_ = {};
  (void)CountProcesses();
  if (inputs_.cgroup != nullptr) {
    const CgroupUsage usage = inputs_.cgroup->Read();
    figures_.memory_peak = usage.memory_peak_bytes.value_or(figures_.memory_peak);
    figures_.processes_peak = usage.processes_peak.value_or(figures_.processes_peak);
    if (usage.cpu_usec) figures_.cpu_ms = *usage.cpu_usec / 1000;
  }
  figures_.disk_bytes = disk_use_.bytes;
  TellHeldLimits(Telling::kTheRest);
  if (reached_) Tell(event::kLimitReached, *reached_);
  return figures_;
}

/// Time of processes that nobody waited for vanishes with them, so what was seen once is kept.
const ProcessTotals& LimitWatch::CountProcesses() {
  const Clock::time_point now = Clock::now();
  if (!processes_ || now - counted_ < kFresh) return totals_;
  totals_ = processes_->Count();
  counted_ = Clock::now();
  counting_took_ = counted_ - now;
  figures_.cpu_ms += totals_.cpu_ms - std::min(last_cpu_ms_, totals_.cpu_ms);
  last_cpu_ms_ = totals_.cpu_ms;
  figures_.processes_peak = std::max(figures_.processes_peak, totals_.processes);
  figures_.memory_peak =
      std::max(figures_.memory_peak, totals_.anon + totals_.shared + memory_->InOwnFileSystems());
  return totals_;
}

std::optional<std::uint64_t> LimitWatch::CheckTime(const plan::Limit& limit,
                                                   Clock::time_point& next) {
  next = started_ + milliseconds(limit.value);
  const Clock::time_point now = Clock::now();
  if (now < next) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(now - started_).count();
}

std::optional<std::uint64_t> LimitWatch::CheckIdle(const plan::Limit& limit,
                                                   Clock::time_point& next) {
  constexpr milliseconds kShortest{100};
  constexpr milliseconds kLongest{2000};
  const milliseconds interval = std::clamp(milliseconds(limit.value / 10), kShortest, kLongest);
  const Clock::time_point now = Clock::now();
  const Clock::duration since = now - last_idle_look_;
  last_idle_look_ = now;
  // After a gap somebody had stopped us, and the run most likely too.
  if (IsActive(since) || since > 3 * interval + kRecordEvery) last_active_ = now;
  next = std::min(now + interval, last_active_ + milliseconds(limit.value));
  next = std::max(next, now + kFresh);
  if (now - last_active_ < milliseconds(limit.value)) return std::nullopt;
  return std::chrono::duration_cast<milliseconds>(now - last_active_).count();
}

bool LimitWatch::IsActive(Clock::duration since_last_look) {
  if (!processes_) return true;
  (void)CountProcesses();
  const Activity before = activity_;
  activity_ = {.terminal = inputs_.terminal_output(),
               .cpu_ms = figures_.cpu_ms,
               .network = processes_->NetworkBytes(),
               .files = 0};
  if (!activity_.terminal) activity_.files = processes_->ReadAndWritten();
  const auto elapsed =
      static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since_last_look).count());
  return activity_.cpu_ms - before.cpu_ms > std::max(kTick, elapsed / kIdlePart) ||
         activity_.terminal != before.terminal || activity_.network != before.network ||
         activity_.files != before.files;
}

/// What is left cannot be used up faster than all processors can.
std::optional<std::uint64_t> LimitWatch::CheckCpu(const plan::Limit& limit,
                                                  Clock::time_point& next) {
  constexpr std::uint64_t kShortest = 100;
  constexpr std::uint64_t kLongest = 60'000;
  static const auto processors =
      static_cast<std::uint64_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  (void)CountProcesses();
  if (inputs_.cgroup != nullptr) {
    figures_.cpu_ms = std::max(figures_.cpu_ms, inputs_.cgroup->Read().cpu_usec.value_or(0) / 1000);
  }
  if (figures_.cpu_ms >= limit.value) return figures_.cpu_ms;
  const std::uint64_t left = (limit.value - figures_.cpu_ms) / processors;
  next =
      Clock::now() + std::max<Clock::duration>(milliseconds(std::clamp(left, kShortest, kLongest)),
                                               counting_took_ * kRestAfterCount);
  return std::nullopt;
}

std::optional<std::uint64_t> LimitWatch::CheckMemory(const plan::Limit& limit,
                                                     Clock::time_point& next) {
  if (!processes_) return std::nullopt;
  const Clock::time_point began = Clock::now();
  const std::uint64_t used = memory_->Look(*processes_, CountProcesses(), limit.value);
  const Clock::duration took = Clock::now() - began;
  next = began + std::clamp<Clock::duration>(took * kRestAfterCount, IntervalOf(limit),
                                             std::max(IntervalOf(limit), kLongestRest));
  if (used <= limit.value) return std::nullopt;
  return used;
}

/// One walk counts bytes and entries.
std::optional<std::uint64_t> LimitWatch::CheckDisk(const plan::Limit& limit,
                                                   Clock::time_point& next) {
  if (!processes_) return std::nullopt;
  const plan::Limits& limits = inputs_.plan.limits;
  const Clock::time_point now = Clock::now();
  next = now + IntervalOf(limit);
  if (now - disk_looked_ >= kFresh) {
    disk_use_ =
        disk_->Look(*processes_, limits.ValueOf(Limit::kDisk), limits.ValueOf(Limit::kInodes));
    disk_looked_ = Clock::now();
  }
  const std::uint64_t used = limit.kind == Limit::kDisk ? disk_use_.bytes : disk_use_.entries;
  if (used <= limit.value) return std::nullopt;
  return used;
}

}  // namespace ambit::supervise
