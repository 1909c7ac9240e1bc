#pragma once
// What egress says of itself and of what passes through it, as events of the run. Who calls:
// supervision.cc, on its event loop.
//
// Bounded (bounded_events.h): what connects in a loop fills no disk. An `opened` that is told has
// paid for its `closed`, so the bytes of a connection that is on record are on record, too.
#include <cstdint>
#include <functional>
#include <unordered_set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include "base/error.h"
#include "egress/report.h"
#include "event/event.h"
#include "policy/net_rules.h"
#include "supervise/bounded_events.h"
#include "supervise/outcome.h"

namespace ambit::supervise {

/// How much of the network is put on record: the tests of a large project, and a loop.
inline constexpr EventBounds kEgressBounds = {
    .burst = 5'000, .per_second = 500, .events = 100'000, .bytes = 64 << 20};

class EgressReports {
 public:
  struct Heard {
    std::function<void()> ready;
    std::function<void(Outcome)> failed;
    BoundedEvents::Emit event;
    const policy::NetRules* rules = nullptr;  // which of them refused; outlive the reports
    /// Of kHeld and kLetGo.
    std::function<void(const egress::EgressReport&)> held = [](const egress::EgressReport&) {};
    /// So many bytes have left the run, of all connections.
    std::function<void(std::uint64_t)> sent = [](std::uint64_t) {};
    /// More was to leave it than its limit allows.
    std::function<void(std::uint64_t)> out_limit = [](std::uint64_t) {};
  };

  /// `socket` (egress/report.h) outlives the reports, and does not block from now on.
  EgressReports(boost::asio::io_context& io, int socket, Heard heard,
                const EventBounds& bounds = kEgressBounds);

  /// Until egress ends; to be spawned. Throws what Asio throws.
  boost::asio::awaitable<void> Watch();
  /// Asks egress to end, and takes what it says of what was not over yet; for half a second at
  /// most.
  void HearLastWords();
  /// What it has said by now, without waiting for more; stops at what makes the run fail.
  void TakeTheRest();
  /// The rest of an egress that is gone, and what was dropped.
  void Finish();

 private:
  enum class Next : std::uint8_t { kMore, kFailed, kEnded };
  boost::asio::awaitable<void> SomethingIsSaid(boost::system::error_code& error);
  Result<Next> TakeAll();
  Result<Next> TakeOne();
  Next On(const egress::EgressReport& report);
  void OnConnection(const egress::EgressReport& report);
  void OnHeld(const egress::EgressReport& report);
  void OnResolverAsked(const egress::EgressReport& report);
  void OnDenied(const egress::EgressReport& report);
  [[nodiscard]] std::string RuleOf(const egress::EgressReport& report) const;

  boost::asio::io_context& io_;
  int socket_;
  Heard heard_;
  BoundedEvents events_;   // of connections
  BoundedEvents denials_;  // by themselves: a flood of them hides no connection
  std::unordered_set<std::uint32_t> told_open_;  // their `opened` is on record
};

}  // namespace ambit::supervise
