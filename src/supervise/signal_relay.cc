#include "supervise/signal_relay.h"

#include <fmt/format.h>
#include <signal.h>

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "supervise/own_job.h"

namespace ambit::supervise {

namespace asio = boost::asio;

SignalRelay::SignalRelay(asio::io_context& io, Inputs inputs)
    : inputs_(std::move(inputs)), signals_(io) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT}) {
    signals_.add(signal);
  }
  if (CanBeSuspended()) signals_.add(SIGTSTP);
}

asio::awaitable<void> SignalRelay::Carry() {
  for (;;) {
    boost::system::error_code error;
    const int signal =
        co_await signals_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    On(signal);
  }
}

void SignalRelay::On(int signal) {
  TerminalRelay* terminal = inputs_.terminal();
  if (signal == SIGWINCH) {
    if (terminal != nullptr) terminal->Resize();
    return;
  }
  if (signal == SIGCONT) {
    // Stopped and gone on: the terminal may be somebody else's now, or have a mode of theirs.
    if (terminal != nullptr) (void)terminal->TakeUp();
    return;
  }
  if (signal == SIGTSTP) {
    OnSuspend();
    return;
  }
  inputs_.to_agent(signal);
  // An agent may take its time after the first one, or pay no heed. The second is for the run.
  if (signal == SIGTERM && ++terms_ == 2) {
    inputs_.end_run({.cause = Cause::kSignaled,
                     .exit_code = 128 + signal,
                     .detail = "ended by a second SIGTERM",
                     .remedy = {}});
  }
  // Before the agent exists there is nobody to take the signal but the run itself.
  if (!inputs_.agent_stands()) {
    inputs_.end_run({.cause = Cause::kSignaled,
                     .exit_code = 128 + signal,
                     .detail = fmt::format("signal {} before the agent started", signal),
                     .remedy = {}});
  }
}

/// The person's terminal, or somebody's kill, says it to the agent's side of the run, too: a
/// supervisor that slept alone would leave the agent at work.
void SignalRelay::OnSuspend() {
  suspend_asked_ = true;
  if (inputs_.agent_stands()) {
    inputs_.to_agent(SIGTSTP);  // it may pay no heed, as outside
  } else {
    OnAgentStopped();
  }
}

/// An agent at the terminal was stopped by the person at the keyboard, who wants their shell. One
/// that stops by itself is nobody's concern.
void SignalRelay::OnAgentStopped() {
  TerminalRelay* terminal = inputs_.terminal();
  const bool at_terminal = terminal != nullptr && terminal->IsTakenUp();
  if (!CanBeSuspended() || (!at_terminal && !suspend_asked_)) return;
  suspend_asked_ = false;
  if (terminal != nullptr) terminal->LetGo();
  StopOwnJob();
  if (terminal != nullptr) (void)terminal->TakeUp();
  // One signal that brings SIGCONT with it: the screen was somebody else's, and a program that
  // heard of that later would be drawing already, and some then drop the key that they are just
  // reading.
  inputs_.to_agent(terminal != nullptr ? SIGWINCH : SIGCONT);
}

}  // namespace ambit::supervise
