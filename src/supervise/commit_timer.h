#pragma once
// Sees to it that what the journal gathers waits no longer than event::kCommitInterval, and wakes
// nobody up while nothing is gathered. Who calls: supervision, on its loop.
#include <functional>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "event/event.h"

namespace ambit::supervise {

class CommitTimer {
 public:
  /// `check` is called after each commit; it looks at the sink's status.
  CommitTimer(boost::asio::io_context& io, std::function<void()> check)
      : timer_(io), check_(std::move(check)) {}

  /// After an event of this name was emitted to `sink`, which stays.
  void After(std::string_view name, event::Sink& sink);

 private:
  boost::asio::steady_timer timer_;
  std::function<void()> check_;
  bool set_ = false;
};

}  // namespace ambit::supervise
