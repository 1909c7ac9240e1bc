#pragma once
// Tells egress what changes outside while a run goes on: how names are found, which addresses are
// this machine's, and, once, the login of the host's proxy. Changes are on record.
// Who calls: supervision.cc, on its event loop, for runs that reach names.
#include <functional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "egress/order.h"
#include "event/event.h"
#include "plan/network_plan.h"
#include "policy/net_rules.h"
#include "supervise/host_names.h"
#include "supervise/proxy_login.h"

namespace ambit::supervise {

class OutsideWatch {
 public:
  struct Inputs {
    const plan::NetworkPlan& network;
    const ProxyLogin& login;        // where the plan has a proxy with one
    const policy::NetRules& rules;  // those of the plan, and what was added
    HostNames& host_names;
    int egress;  // Processes::egress_control()
    std::function<void(const event::Event&)> emit;
  };
  explicit OutsideWatch(Inputs inputs) : inputs_(std::move(inputs)) {}

  /// As long as the loop goes on; to be spawned.
  boost::asio::awaitable<void> Watch(boost::asio::io_context& io);

 private:
  bool TellLogin();
  void Tell(const egress::Order& order);

  Inputs inputs_;
};

}  // namespace ambit::supervise
