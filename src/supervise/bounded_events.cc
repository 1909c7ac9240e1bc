#include "supervise/bounded_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace ambit::supervise {
namespace {

constexpr std::chrono::seconds kDroppedEvery{1};

/// No sum of counts, whoever gave them, leaves the range.
std::int64_t Sum(std::int64_t left, std::int64_t right) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(left, right, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

}  // namespace

BoundedEvents::BoundedEvents(const EventBounds& bounds, Emit emit)
    : bounds_(bounds),
      emit_(std::move(emit)),
      bucket_(bounds.burst, bounds.per_second),
      dropped_told_(Clock::now()) {}

bool BoundedEvents::Fits(int events) {
  return told_ + events <= bounds_.events && told_bytes_ < bounds_.bytes && bucket_.Has(events);
}

bool BoundedEvents::Admit(std::string_view name, std::int64_t bytes, int events) {
  if (!Fits(events)) {
    CountDropped(name, 1);
    return false;
  }
  bucket_.Take(events);
  told_ += events;
  told_bytes_ += bytes;
  return true;
}

void BoundedEvents::CountDropped(std::string_view name, std::int64_t count) {
  if (count <= 0) return;
  const auto known = dropped_.find(name);
  if (known == dropped_.end()) {
    dropped_.emplace(name, count);
  } else {
    known->second = Sum(known->second, count);
  }
}

void BoundedEvents::TellDroppedWhenDue() {
  if (!dropped_.empty() && Clock::now() - dropped_told_ >= kDroppedEvery) TellDropped();
}

void BoundedEvents::TellDropped() {
  if (dropped_.empty()) return;
  dropped_told_ = Clock::now();
  std::int64_t sum = 0;
  std::vector<std::string> kinds;
  for (const auto& [name, count] : dropped_) {
    sum = Sum(sum, count);
    kinds.push_back(fmt::format("{}: {}", name, count));
  }
  dropped_.clear();
  emit_({event::kEventsDropped, {{"count", sum}, {"kinds", std::move(kinds)}}});
}

}  // namespace ambit::supervise
