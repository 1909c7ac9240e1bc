#pragma once
// What init saw inside, as events. Who calls: supervision, which waits for the socket.
//
// Bounded (bounded_events.h), and secrets are taken out here (event/redact.h).
#include <sys/types.h>

#include <functional>
#include <string_view>

#include "base/error.h"
#include "event/inside_record.h"
#include "event/redact.h"
#include "plan/launch_plan.h"
#include "supervise/bounded_events.h"

namespace ambit::supervise {

/// How much of the inside is put on record: builds of a million files, and what writes in a loop.
inline constexpr EventBounds kWitnessBounds = {
    .burst = 100'000, .per_second = 20'000, .events = 1'000'000, .bytes = 256 << 20};

class WitnessReader {
 public:
  using Executed = std::function<void(pid_t pid)>;

  /// `executed` hears of every program, on record or not.
  WitnessReader(const plan::LaunchPlan& plan, BoundedEvents::Emit emit, Executed executed = {},
                const EventBounds& bounds = kWitnessBounds);

  /// Reads what the socket has, a bounded part of it. False: init has closed it, or it never said
  /// anything. kInvalidArgument when no honest init sends this.
  Result<bool> Read(int socket);

  /// All that is left in the socket of an init that is gone, and the counts.
  Status Finish(int socket);

 private:
  Status Take(std::string_view bytes);
  void Tell(const event::InsideRecord& record);

  BoundedEvents events_;
  Executed executed_;
  event::Redactor redactor_;
  event::InsideRecordReader records_;
};

}  // namespace ambit::supervise
