#pragma once
// What init saw inside, as events. Who calls: supervision, which waits for the socket.
//
// Bounded: a run may fill neither the disk nor the supervisor's time with what it does. Beyond a
// burst, a rate and a sum records are counted by kind, and the counts are told once a second and at
// the end (events.dropped). Secrets are taken out here (event/redact.h).
#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>

#include "base/error.h"
#include "event/event.h"
#include "event/inside_record.h"
#include "event/redact.h"
#include "plan/launch_plan.h"

namespace ambit::supervise {

/// How much of the inside is put on record.
struct WitnessBounds {
  double burst = 100'000;            // records at once
  double per_second = 20'000;        // and from then on
  std::int64_t records = 1'000'000;  // of the whole run
  std::int64_t bytes = 256 << 20;    // of its journal, about
};

class WitnessReader {
 public:
  using Clock = std::chrono::steady_clock;
  using Emit = std::function<void(const event::Event&)>;
  using Executed = std::function<void(pid_t pid)>;

  /// `executed` hears of every program, on record or not.
  WitnessReader(const plan::LaunchPlan& plan, Emit emit, Executed executed = {},
                const WitnessBounds& bounds = {});

  /// Reads what the socket has, a bounded part of it. False: init has closed it, or it never said
  /// anything. kInvalidArgument when no honest init sends this.
  Result<bool> Read(int socket);

  /// All that is left in the socket of an init that is gone, and the counts.
  Status Finish(int socket);

 private:
  Status Take(std::string_view bytes);
  void Tell(const event::InsideRecord& record);
  bool IsWithinBounds(const event::InsideRecord& record);
  void CountDropped(event::InsideKind kind, std::int64_t count);
  void TellDropped();

  Emit emit_;
  Executed executed_;
  event::Redactor redactor_;
  event::InsideRecordReader records_;
  WitnessBounds bounds_;
  double tokens_;
  std::int64_t told_ = 0;
  std::int64_t told_bytes_ = 0;
  Clock::time_point filled_;
  Clock::time_point dropped_told_;
  std::array<std::int64_t, event::kInsideKinds> dropped_{};
  bool any_dropped_ = false;
};

}  // namespace ambit::supervise
