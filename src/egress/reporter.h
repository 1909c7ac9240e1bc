#pragma once
// Sends reports to the supervisor without ever waiting for it.
//
// What finds the socket full is counted, and the count goes when there is room. What the supervisor
// acts on is not lost but kept until then: that a person is to be asked, that nobody needs to be
// any more, and that the run has sent as much as it may. Questions bound the first two (holds.h),
// the last comes once. So is what tells of connections, up to kMostKeptOfConnections.
#include <deque>

#include "egress/loop.h"
#include "egress/report.h"

namespace ambit::egress {

class Reporter {
 public:
  /// `control` must outlive the reporter and everything spawned on its loop.
  explicit Reporter(Descriptor& control) : control_(control) {}

  void Send(EgressReport report);

  /// Until all that is owed has gone, or nobody reads any more. Holds up the whole loop: nothing
  /// happens any more that could be told.
  void PayAllNow();

  /// Some megabytes: the seconds of a busy supervisor.
  static constexpr std::size_t kMostKeptOfConnections = 8192;

 private:
  bool TrySend(const EgressReport& report);
  void Keep(const EgressReport& report);
  bool PayOne();
  bool WaitForRoom();
  Task<> PayWhenThereIsRoom();
  [[nodiscard]] bool Owes() const { return dropped_ > 0 || !kept_.empty(); }

  Descriptor& control_;
  std::uint64_t dropped_ = 0;
  std::deque<EgressReport> kept_;  // go behind the count, in their order
  bool waiting_ = false;
};

}  // namespace ambit::egress
