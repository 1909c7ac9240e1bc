#pragma once
// Refusals that come again: a resolver asks for both families and tries again, and a program in a
// loop does nothing else. The first of equal ones is reported at once, those that follow within a
// second together, with their count.
//
// Bounded: what comes when kMost different ones are known is reported one by one. When egress is
// ended the count of the last second is lost, never the first of it. Who calls: egress. One thread.
#include <cstddef>
#include <map>
#include <tuple>

#include "egress/loop.h"
#include "egress/reporter.h"

namespace ambit::egress {

class Repeats {
 public:
  static constexpr std::size_t kMost = 256;

  /// Both outlive it.
  Repeats(asio::io_context& loop, Reporter& reporter) : timer_(loop), reporter_(reporter) {}

  /// `report.count` becomes how many it stands for.
  void Send(EgressReport report);

 private:
  using Key =
      std::tuple<ReportKind, NameText, std::uint8_t, std::array<std::uint8_t, 16>, std::uint16_t>;
  Task<> TellTheRestLater();

  Timer timer_;
  Reporter& reporter_;
  std::map<Key, EgressReport> known_;  // `count`: how many are not told yet
};

}  // namespace ambit::egress
