#pragma once
// Carries bytes between the person's terminal and the run's pty, of which the agent has the other
// side: the terminal itself never crosses.
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/fd.h"
#include "supervise/terminal.h"

namespace ambit::supervise {

class TerminalRelay {
 public:
  /// Takes the pty's master. The person's terminal is raw from now on, until the object goes.
  TerminalRelay(boost::asio::io_context& io, Fd master, StandardStreams streams);

  /// Carries until one side ends; to be spawned on the same io_context, both.
  boost::asio::awaitable<void> CarryInput();
  boost::asio::awaitable<void> CarryOutput();

  /// The person's window has another size now.
  void Resize();

  /// Shows what is still in the pty, for when nobody is left to write more.
  void ShowTheRest();

  [[nodiscard]] bool HasInput() const { return input_.has_value(); }

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;

  Descriptor pty_;
  int out_;  // which of 1 and 2 is the terminal
  std::optional<Descriptor> input_;
  std::optional<RawTerminal> raw_;
};

}  // namespace ambit::supervise
