#pragma once
// The signals that ambit itself gets, taken to the agent, and what the shell that started it does
// with its jobs: stops them, and goes on with them.
// Who calls: supervision.cc, on its event loop.
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "supervise/outcome.h"
#include "supervise/terminal_relay.h"

namespace ambit::supervise {

class SignalRelay {
 public:
  struct Inputs {
    /// Whether somebody is there to take a signal.
    std::function<bool()> agent_stands;
    std::function<void(int signal)> to_agent;
    /// nullptr: the agent has none.
    std::function<TerminalRelay*()> terminal;
    std::function<void(Outcome)> end_run;
  };
  /// From now on no signal ends ambit by itself. Throws when the loop has no descriptor for it.
  SignalRelay(boost::asio::io_context& io, Inputs inputs);

  /// As long as the loop goes on; to be spawned.
  boost::asio::awaitable<void> Carry();

  /// Init says so.
  void OnAgentStopped();

 private:
  void On(int signal);
  void OnSuspend();

  Inputs inputs_;
  boost::asio::signal_set signals_;
  int terms_ = 0;  // SIGTERMs that came
  bool suspend_asked_ = false;
};

}  // namespace ambit::supervise
