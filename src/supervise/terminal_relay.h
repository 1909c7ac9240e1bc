#pragma once
// Carries bytes between the person's terminal and the run's pty, of which the agent has the other
// side: the terminal itself never crosses, and of what the agent writes only what proto/vt_rules.h
// lets pass. Who calls: supervision.cc, on its event loop.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "proto/vt_filter.h"
#include "supervise/terminal.h"

namespace ambit::supervise {

class TerminalRelay {
 public:
  /// Takes the pty's master; touches nothing of the person's yet. Throws what Asio throws.
  TerminalRelay(boost::asio::io_context& io, Fd master, TerminalKeeper keeper,
                StandardStreams streams, Showing showing);
  /// The terminal is as before, also of the modes that the agent has left on.
  ~TerminalRelay();
  TerminalRelay(const TerminalRelay&) = delete;
  TerminalRelay& operator=(const TerminalRelay&) = delete;

  /// Makes the terminal raw, while this is its foreground job; else leaves it to whose it is. Again
  /// whenever that may have changed.
  Status TakeUp();
  /// Until the next TakeUp: all is shown, the terminal is as before.
  void LetGo();
  /// Whether the person types to the agent.
  [[nodiscard]] bool IsTakenUp() const { return keeper_.state().raw; }

  /// Carries until one side ends; to be spawned on the same io_context, both.
  boost::asio::awaitable<void> CarryInput();
  boost::asio::awaitable<void> CarryOutput();

  /// Shows a line of our own where it breaks nothing: while what runs inside reads lines. False: it
  /// has the whole screen, and nothing was shown.
  bool Tell(std::string_view line);

  /// The person's window has another size now.
  void Resize();

  /// Shows what is still in the pty, for when nobody is left to write more.
  void ShowTheRest();

  /// All that the agent has written there.
  [[nodiscard]] std::uint64_t OutputBytes() const { return output_bytes_; }

  /// What was not shown, by name and count: "clipboard: 2".
  [[nodiscard]] std::vector<std::string> Dropped() const;

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;

  void Show(std::span<const char> bytes);
  boost::asio::awaitable<void> AwaitForeground();

  TerminalKeeper keeper_;
  Descriptor pty_;
  StandardStreams streams_;
  int out_;  // which of 1 and 2 is the terminal
  Showing showing_;
  proto::VtFilter filter_;
  std::uint64_t output_bytes_ = 0;
  std::optional<Descriptor> input_;
};

}  // namespace ambit::supervise
