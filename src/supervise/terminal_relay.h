#pragma once
// Carries bytes between the person's terminal and the run's pty, of which the agent has the other
// side: the terminal itself never crosses, and of what the agent writes only what proto/vt_rules.h
// lets pass.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/fd.h"
#include "proto/vt_filter.h"
#include "supervise/terminal.h"

namespace ambit::supervise {

/// kUnfiltered: every byte as the agent wrote it.
enum class Showing : std::uint8_t { kFiltered, kUnfiltered };

class TerminalRelay {
 public:
  /// Takes the pty's master. The person's terminal is raw from now on, until the object goes; then
  /// it has also the modes again that the agent has left on.
  TerminalRelay(boost::asio::io_context& io, Fd master, StandardStreams streams, Showing showing);
  ~TerminalRelay();
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;

  /// Carries until one side ends; to be spawned on the same io_context, both.
  boost::asio::awaitable<void> CarryInput();
  boost::asio::awaitable<void> CarryOutput();

  /// The person's window has another size now.
  void Resize();

  /// Shows what is still in the pty, for when nobody is left to write more.
  void ShowTheRest();

  /// What was not shown, by name and count: "clipboard: 2".
  [[nodiscard]] std::vector<std::string> Dropped() const;

  [[nodiscard]] bool HasInput() const { return input_.has_value(); }

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;

  void Show(std::span<const char> bytes);

  Descriptor pty_;
  int out_;  // which of 1 and 2 is the terminal
  Showing showing_;
  proto::VtModes modes_;
  proto::VtFilter filter_{modes_};
  std::optional<Descriptor> input_;
  std::optional<RawTerminal> raw_;
};

}  // namespace ambit::supervise
