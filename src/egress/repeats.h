#pragma once
// Refusals that come again: a program in a loop does nothing else. The first of equal ones is
// reported at once, those that follow within a second together, with their count.
//
// A program that wants a name tries it in both families, as does a resolver: that is one try, so of
// a name the family with more of them counts. Of an address there is one family.
//
// Bounded: what comes when kMost different ones are known is reported one by one. When egress is
// killed the count of the last second is lost, never the first of it. Who calls: egress. One
// thread.
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

  /// `report.count` becomes how many it stands for. `report.family` 0: of none.
  void Send(EgressReport report);
  /// Now, and not when its second is over.
  void TellTheRest();

 private:
  using Key =
      std::tuple<ReportKind, NameText, std::uint8_t, std::array<std::uint8_t, 16>, std::uint16_t>;
  struct Known {
    EgressReport report;
    std::map<std::uint8_t, std::uint64_t> tries;  // by family
    [[nodiscard]] std::uint64_t Untold() const;
  };
  Task<> TellTheRestLater();

  Timer timer_;
  Reporter& reporter_;
  std::map<Key, Known> known_;  // one try of each is told
};

}  // namespace ambit::egress
