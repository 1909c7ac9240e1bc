#pragma once
// Events whose number the inside decides, within bounds: a run may fill neither the disk nor the
// supervisor's time. What is beyond a burst, a rate, a number or a size is counted by name, and the
// counts are told (events.dropped) once a second and at the end. Who calls: what turns the words of
// init and of egress into events.
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/token_bucket.h"
#include "event/event.h"

namespace ambit::supervise {

struct EventBounds {
  double burst = 0;         // events at once
  double per_second = 0;    // and from then on
  std::int64_t events = 0;  // of the whole run
  std::int64_t bytes = 0;   // of its journal, about
};

/// An event of the journal without its own texts, about: names of fields, numbers, the hash.
inline constexpr std::int64_t kEventBytes = 240;

class BoundedEvents {
 public:
  using Clock = TokenBucket::Clock;
  using Emit = std::function<void(const event::Event&)>;

  BoundedEvents(const EventBounds& bounds, Emit emit);

  /// Whether `events` of this name fit, `bytes` long together; they then count as told. Those that
  /// do not are counted as dropped.
  bool Admit(std::string_view name, std::int64_t bytes, int events = 1);

  void Tell(const event::Event& event) const { emit_(event); }

  /// Some that were lost before they came here. What lies about their number changes nothing else.
  void CountDropped(std::string_view name, std::int64_t count);

  /// What was dropped, at most once a second.
  void TellDroppedWhenDue();
  void TellDropped();

 private:
  bool Fits(int events);

  EventBounds bounds_;
  Emit emit_;
  TokenBucket bucket_;
  std::int64_t told_ = 0;
  std::int64_t told_bytes_ = 0;
  Clock::time_point dropped_told_;
  std::map<std::string, std::int64_t, std::less<>> dropped_;
};

}  // namespace ambit::supervise
