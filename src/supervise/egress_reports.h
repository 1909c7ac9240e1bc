#pragma once
// What egress says of itself and of what passes through it, as events of the run. Who calls:
// supervision.cc, on its event loop.
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/error.h"
#include "egress/report.h"
#include "event/event.h"
#include "supervise/outcome.h"

namespace ambit::supervise {

class EgressReports {
 public:
  struct Heard {
    std::function<void()> ready;
    std::function<void(Outcome)> failed;
    std::function<void(const event::Event&)> event;
  };

  /// `socket`: a descriptor of its own (egress/report.h). Throws what Asio throws.
  EgressReports(boost::asio::io_context& io, int socket, Heard heard)
      : socket_(io, socket), heard_(std::move(heard)) {}

  /// Until egress ends; to be spawned.
  boost::asio::awaitable<void> Watch();
  /// What it has said by now, without waiting for more; stops at what makes the run fail.
  void TakeTheRest();

 private:
  enum class Next : std::uint8_t { kMore, kFailed, kEnded };
  Result<Next> TakeOne();
  Next On(const egress::EgressReport& report);

  boost::asio::posix::stream_descriptor socket_;
  Heard heard_;
};

}  // namespace ambit::supervise
