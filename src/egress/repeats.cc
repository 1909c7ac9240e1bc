#include "egress/repeats.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {

void Repeats::Send(EgressReport report) {
  const Key key{report.kind, report.name, report.family, report.address, report.port};
  if (const auto known = known_.find(key); known != known_.end()) {
    ++known->second.count;
    return;
  }
  report.count = 1;
  reporter_.Send(report);
  if (known_.size() >= kMost) return;
  if (known_.empty()) {
    asio::co_spawn(timer_.get_executor(), TellTheRestLater(), asio::detached);
  }
  report.count = 0;
  known_.emplace(key, report);
}

Task<> Repeats::TellTheRestLater() {
  timer_.expires_after(std::chrono::seconds(1));
  co_await Wait(timer_);
  for (const auto& [key, report] : std::exchange(known_, {})) {
    if (report.count > 0) reporter_.Send(report);
  }
}

}  // namespace ambit::egress
