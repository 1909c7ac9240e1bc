#pragma once
// What a person says to a run while it goes on: answers to what waits, rules, ports that are to be
// published. It comes over the run's control socket, or from the run's own terminal while nobody
// inside reads there. Whatever is granted is on record before it holds.
// Who calls: supervision.cc, on its event loop.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.h"
#include "egress/order.h"
#include "event/event.h"
#include "plan/network_plan.h"
#include "policy/published_port.h"
#include "supervise/approvals.h"
#include "supervise/control_socket.h"
#include "supervise/host_names.h"
#include "supervise/terminal.h"
#include "supervise/terminal_questions.h"

namespace ambit::supervise {

class PersonLink {
 public:
  struct Inputs {
    boost::asio::io_context& io;
    const plan::NetworkPlan& network;
    const StandardStreams& streams;
    std::string_view run_id;
    int run_directory = -1;
    int egress = -1;  // Processes::egress_control()
    HostNames& host_names;
    std::function<void(const event::Event&)> emit;
    /// Shows the person what the run waits for, at most once a second.
    std::function<void(const std::string&)> tell;
    std::function<Status(const Approvals::Verdict&)> write_down;  // supervision.h
    std::function<Status(const policy::PublishedPort&)> published;
  };
  explicit PersonLink(Inputs inputs);
  PersonLink(const PersonLink&) = delete;
  PersonLink& operator=(const PersonLink&) = delete;

  /// From now on the person is heard. Errors: of the file system.
  Status Listen();

  /// kHeld and kLetGo of egress.
  void On(const egress::EgressReport& report) { approvals_.On(report); }

  /// Those of the plan, and what was added.
  [[nodiscard]] const policy::NetRules& rules() const { return approvals_.rules(); }

 private:
  ControlSocket::Reply ReplyTo(const ControlRequest& request);
  [[nodiscard]] ControlSocket::Reply WhatWaits() const;
  /// The port of the host.
  Result<std::uint16_t> Publish(const policy::PublishedPort& wanted);
  void OnAsked();
  void TellWhatWaits();
  std::string TakeUntold();
  Status TellHosts(const policy::NetRule& rule);
  Status Order(const egress::Order& order);

  Inputs inputs_;
  Approvals approvals_;
  std::vector<policy::PublishedPort> published_;  // at the start, and since
  Approvals::Clock::time_point last_line_;
  std::uint32_t last_told_ = 0;  // the question
  bool line_is_due_ = false;
  boost::asio::steady_timer next_line_;
  std::optional<TerminalQuestions> questions_;
  std::optional<ControlSocket> socket_;
};

}  // namespace ambit::supervise
