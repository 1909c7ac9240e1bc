#include "egress/repeats.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {

std::uint64_t Repeats::Known::Untold() const {
  return std::ranges::max(tries | std::views::values) - 1;
}

void Repeats::Send(EgressReport report) {
  const bool named = !NameIn(report.name).empty();
  const Key key{report.kind, report.name, named ? std::uint8_t{0} : report.family,
                named ? decltype(report.address){} : report.address, report.port};
  if (const auto known = known_.find(key); known != known_.end()) {
    ++known->second.tries[report.family];
    return;
  }
  report.count = 1;
  reporter_.Send(report);
  if (known_.size() >= kMost) return;
  if (known_.empty()) {
    asio::co_spawn(timer_.get_executor(), TellTheRestLater(), asio::detached);
  }
  known_.emplace(key, Known{.report = report, .tries = {{report.family, 1}}});
}

Task<> Repeats::TellTheRestLater() {
  timer_.expires_after(std::chrono::seconds(1));
  co_await Wait(timer_);
  TellTheRest();
}

void Repeats::TellTheRest() {
  for (auto& [key, known] : std::exchange(known_, {})) {
    known.report.count = known.Untold();
    if (known.report.count > 0) reporter_.Send(known.report);
  }
}

}  // namespace ambit::egress
