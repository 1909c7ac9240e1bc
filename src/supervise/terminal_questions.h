#pragma once
// What a run waits for, put to the person at the terminal it was started from, where nothing of the
// run is shown or read: what is inside could write a question of its own there, and move what the
// person sees. Elsewhere, and on a standard error that is no terminal, a line tells that 'ambit
// approve' answers.
// Who calls: supervision.cc, on its event loop.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/fd.h"
#include "supervise/approvals.h"
#include "supervise/terminal.h"

namespace ambit::supervise {

/// The controlling terminal, when the run neither reads nor writes one; empty otherwise.
Fd OpenFreeTerminal(const StandardStreams& streams);

class TerminalQuestions {
 public:
  /// Gives the answer to who knows what waits; writes the longer ones down.
  using Answer = std::function<Status(const Approvals::Verdict&)>;

  TerminalQuestions(boost::asio::io_context& io, Fd terminal, const Approvals& approvals,
                    Answer answer);

  /// Something new waits.
  void Wake() { woken_.cancel(); }
  /// To be spawned.
  boost::asio::awaitable<void> Watch();

 private:
  using Descriptor = boost::asio::posix::stream_descriptor;
  [[nodiscard]] const Approvals::Question* NextUnasked() const;
  boost::asio::awaitable<std::optional<std::string>> ReadLine();
  bool IsForeground();
  void Show(std::string_view text) { WriteToTerminal(terminal_.native_handle(), text); }

  Descriptor terminal_;
  const Approvals& approvals_;
  Answer answer_;
  boost::asio::steady_timer woken_;
  std::uint32_t last_asked_ = 0;
};

}  // namespace ambit::supervise
