#include "egress/reporter.h"

#include <errno.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {

bool Reporter::TrySend(const EgressReport& report) {
  ssize_t sent = -1;
  do {
    sent = ::send(control_.native_handle(), &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof report);
}

void Reporter::Send(EgressReport report) {
  // While a count is owed it goes first, so that a gap is reported where it is.
  if (dropped_ == 0 && TrySend(report)) return;
  ++dropped_;
  if (waiting_) return;
  waiting_ = true;
  asio::co_spawn(control_.get_executor(), SendCountWhenThereIsRoom(), asio::detached);
}

Task<> Reporter::SendCountWhenThereIsRoom() {
  while (dropped_ > 0) {
    if (co_await Ready(control_, Descriptor::wait_write)) break;
    if (TrySend({.kind = ReportKind::kDropped, .count = dropped_})) {
      dropped_ = 0;
    } else if (errno != EAGAIN) {
      break;  // nobody reads any more; the life line ends the process
    }
  }
  waiting_ = false;
}

}  // namespace ambit::egress
