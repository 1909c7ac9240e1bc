#include "egress/reporter.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {
namespace {

/// Somebody acts on it: the record alone can do without.
bool MustArrive(ReportKind kind) {
  return kind == ReportKind::kHeld || kind == ReportKind::kLetGo || kind == ReportKind::kOutLimit;
}

/// The record of what was reached: a flood of refusals is to hide none of it.
bool IsOfAConnection(ReportKind kind) {
  return kind == ReportKind::kOpened || kind == ReportKind::kClosed ||
         kind == ReportKind::kUpstreamFailed || kind == ReportKind::kProxyFailed;
}

}  // namespace

bool Reporter::TrySend(const EgressReport& report) {
  ssize_t sent = -1;
  do {
    sent = ::send(control_.native_handle(), &report, sizeof report, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(sizeof report);
}

void Reporter::Send(EgressReport report) {
  // What is owed goes first, so that a gap is reported where it is.
  if (!Owes() && TrySend(report)) return;
  if (MustArrive(report.kind) ||
      (IsOfAConnection(report.kind) && kept_.size() < kMostKeptOfConnections)) {
    Keep(report);
  } else {
    ++dropped_;
  }
  if (waiting_ || !Owes()) return;
  waiting_ = true;
  asio::co_spawn(control_.get_executor(), PayWhenThereIsRoom(), asio::detached);
}

/// Of a question that came up and is gone before it was told nobody needs to hear.
void Reporter::Keep(const EgressReport& report) {
  if (report.kind == ReportKind::kLetGo) {
    const auto came_up = std::ranges::find_if(kept_, [&](const EgressReport& one) {
      return one.kind == ReportKind::kHeld && one.connection == report.connection;
    });
    if (came_up != kept_.end()) {
      kept_.erase(came_up);
      return;
    }
  }
  kept_.push_back(report);
}

/// False: there is no room, or nobody reads any more; errno says which.
bool Reporter::PayOne() {
  if (dropped_ > 0) {
    if (!TrySend({.kind = ReportKind::kDropped, .count = dropped_})) return false;
    dropped_ = 0;
  } else {
    if (!TrySend(kept_.front())) return false;
    kept_.pop_front();
  }
  return true;
}

/// False: nobody reads any more.
bool Reporter::WaitForRoom() {
  pollfd room{.fd = control_.native_handle(), .events = POLLOUT, .revents = 0};
  while (::poll(&room, 1, -1) < 0) {
    if (errno != EINTR) return false;
  }
  return (room.revents & POLLOUT) != 0;
}

void Reporter::PayAllNow() {
  while (Owes() && WaitForRoom()) {
    if (!PayOne() && errno != EAGAIN) return;
  }
}

/// Without a reader the life line ends the process.
Task<> Reporter::PayWhenThereIsRoom() {
  while (Owes()) {
    if (co_await Ready(control_, Descriptor::wait_write)) break;
    if (Owes() && !PayOne() && errno != EAGAIN) break;
  }
  waiting_ = false;
}

}  // namespace ambit::egress
