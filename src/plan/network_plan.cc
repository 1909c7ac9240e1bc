#include "plan/network_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "policy/private_names.h"

namespace ambit::plan {
namespace {

std::string MatchText(PacketMatch match, bool every_port) {
  const std::string ports =
      every_port ? "meta l4proto tcp" : fmt::format("tcp dport @{}", kNftPortSet);
  switch (match) {
    case PacketMatch::kLoopbackV4:
      return "ip daddr 127.0.0.0/8";
    case PacketMatch::kLoopbackV6:
      return "ip6 daddr ::1";
    case PacketMatch::kOwnV4:
      return fmt::format("ip daddr {}", fmt::join(kOwnAddress, "."));
    case PacketMatch::kEchoRequestV4:
      return "icmp type echo-request";
    case PacketMatch::kEchoRequestV6:
      return "icmpv6 type echo-request";
    case PacketMatch::kAllowedPortV4:
      return fmt::format("meta nfproto ipv4 {}", ports);
    case PacketMatch::kAllowedPortV6:
      return fmt::format("meta nfproto ipv6 {}", ports);
    case PacketMatch::kNamesUdpV4:
      return fmt::format("meta nfproto ipv4 udp dport {}", kNamePort);
    case PacketMatch::kNamesUdpV6:
      return fmt::format("meta nfproto ipv6 udp dport {}", kNamePort);
    case PacketMatch::kNamesTcpV4:
      return fmt::format("meta nfproto ipv4 tcp dport {}", kNamePort);
    case PacketMatch::kNamesTcpV6:
      return fmt::format("meta nfproto ipv6 tcp dport {}", kNamePort);
    case PacketMatch::kBeginningV4:
      return "meta nfproto ipv4 tcp flags & (syn | ack) == syn";
    case PacketMatch::kBeginningV6:
      return "meta nfproto ipv6 tcp flags & (syn | ack) == syn";
  }
  return "?";
}

bool IsV6(PacketMatch match) {
  return match == PacketMatch::kAllowedPortV6 || match == PacketMatch::kNamesUdpV6 ||
         match == PacketMatch::kNamesTcpV6;
}

std::string VerdictText(const CaptureRule& rule, std::uint16_t port) {
  switch (rule.verdict) {
    case PacketVerdict::kAccept:
      return "accept";
    case PacketVerdict::kDrop:
      return "drop";
    case PacketVerdict::kNames:
      port = kNamePort;
      [[fallthrough]];
    case PacketVerdict::kCapture:
      return IsV6(rule.match) ? fmt::format("tproxy ip6 to [::1]:{} accept", port)
                              : fmt::format("tproxy ip to 127.0.0.1:{} accept", port);
    case PacketVerdict::kTell:
      return fmt::format("limit rate {}/second burst {} packets log group {}", kToldPerSecond,
                         kToldAtOnce, kNftLogGroup);
  }
  return "?";
}

}  // namespace

Status Validate(const NetworkPlan& plan) {
  if (plan.capture_port == 0 || plan.capture_port >= 1024) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("network.capture_port '{}': must be 1 to 1023", plan.capture_port));
  }
  if (plan.host_ports.size() > kMaxHostPorts) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("--host-port (net.host_ports): '{}' ports, at most {} can be served",
                            plan.host_ports.size(), kMaxHostPorts),
                "name fewer: those that the command needs");
  }
  auto sorted = plan.host_ports;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end()) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("--host-port (net.host_ports): '{}' is there twice", *twice));
  }
  for (const std::uint16_t port : plan.host_ports) {
    const bool ours = port == plan.capture_port || (port == kNamePort && plan.HasNames());
    if (port != 0 && !ours) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("--host-port '{}' (net.host_ports): {}", port,
                            port == 0 ? "not a port"
                                      : "not a port that can be served, ambit listens there"));
  }
  return {};
}

std::string Describe(const NetworkPlan& plan) {
  const auto own = fmt::format("{}", fmt::join(kOwnAddress, "."));
  std::string text = "link lo up\n";
  text += fmt::format("address {}/32 dev lo\n", own);
  text += fmt::format("route local 0.0.0.0/0 dev lo src {}\n", own);
  text += "route local ::/0 dev lo\n";
  text += fmt::format("listen tcp 127.0.0.1:{} transparent: capture\n", plan.capture_port);
  text += fmt::format("listen tcp [::1]:{} transparent: capture\n", plan.capture_port);
  for (const std::uint16_t port : plan.host_ports) {
    text += fmt::format("listen tcp 127.0.0.1:{} and [::1]:{}: host port\n", port, port);
  }
  if (plan.HasNames()) {
    text += fmt::format("listen udp and tcp 127.0.0.1:{} and [::1]:{} transparent: names\n",
                        kNamePort, kNamePort);
  }
  text += fmt::format("table inet {} {{\n", kNftTable);
  const auto ports = policy::PortsOf(plan.rules);
  text += fmt::format(
      "  set {} {{ type inet_service;{} }}\n", kNftPortSet,
      ports.empty() ? "" : fmt::format(" elements = {{ {} }};", fmt::join(ports, ", ")));
  text += fmt::format("  chain {} {{\n", kNftChain);
  text += "    type filter hook prerouting priority -150; policy accept;\n";
  for (const CaptureRule& rule : kCaptureRules) {
    if (!IsOf(plan, rule)) continue;
    text += fmt::format("    {} {}\n", MatchText(rule.match, plan.CapturesEveryPort()),
                        VerdictText(rule, plan.capture_port));
  }
  text += "  }\n}\n";
  for (const policy::NetRule& rule : plan.rules.allow) {
    text += fmt::format("allow {} ({})\n", policy::TextOf(rule), rule.from);
  }
  for (const policy::NetRule& rule : plan.rules.deny) {
    text += fmt::format("deny {} ({})\n", policy::TextOf(rule), rule.from);
  }
  if (plan.rules.ask) text += "ask about every other name and address\n";
  if (plan.proxy) {
    text += fmt::format("through proxy {}\n", TextOf(*plan.proxy));
    for (const policy::NetRule& rule : plan.proxy->direct) {
      text += fmt::format("  but {}\n", policy::TextOf(rule));
    }
  }
  for (const policy::PrivateName& name : plan.rules.private_names) {
    text += fmt::format("private {} ({})\n", policy::TextOf(name), name.from);
  }
  text += "sysctl net.ipv4.ip_unprivileged_port_start = 0\n";
  return text;
}

}  // namespace ambit::plan
