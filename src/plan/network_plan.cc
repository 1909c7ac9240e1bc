#include "plan/network_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "policy/net_decision.h"
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
    case PacketMatch::kNamesV4:
      return fmt::format("meta nfproto ipv4 th dport {}", kNamePort);
    case PacketMatch::kNamesV6:
      return fmt::format("meta nfproto ipv6 th dport {}", kNamePort);
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

/// Whether a server inside cannot have it, because ambit does.
bool IsOurs(const NetworkPlan& plan, std::uint16_t port) {
  return port == plan.capture_port || port == kMintPort || (port == kNamePort && plan.HasNames());
}

Status ValidatePublished(const NetworkPlan& plan) {
  if (plan.publish.size() > kMaxPublished) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("--publish (net.publish): '{}' ports, at most {} can be served",
                            plan.publish.size(), kMaxPublished),
                "name fewer: those that the command serves");
  }
  for (auto port = plan.publish.begin(); port != plan.publish.end(); ++port) {
    const auto fail = [&](std::string why) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("--publish '{}' (net.publish): {}", policy::TextOf(*port), why));
    };
    if (port->inside == 0) return fail("not a port");
    if (IsOurs(plan, port->inside)) return fail("ambit itself listens there inside");
    if (std::ranges::find(plan.host_ports, port->inside) != plan.host_ports.end()) {
      return fail(fmt::format("{} inside is the host's own (--host-port)", port->inside));
    }
    if (port->host == 0) continue;
    const auto same = [&](const policy::PublishedPort& other) { return other.host == port->host; };
    if (std::any_of(std::next(port), plan.publish.end(), same)) {
      return fail(fmt::format("port {} of the host is published twice", port->host));
    }
  }
  return {};
}

constexpr std::array kRedirectRules = {
    CaptureRule{PacketMatch::kLoopbackV4, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kLoopbackV6, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kOwnV4, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kAllowedPortV4, PacketVerdict::kRedirect},
    CaptureRule{PacketMatch::kAllowedPortV6, PacketVerdict::kRedirect},
    CaptureRule{PacketMatch::kNamesUdpV4, PacketVerdict::kRedirect},
    CaptureRule{PacketMatch::kNamesUdpV6, PacketVerdict::kRedirect},
    CaptureRule{PacketMatch::kNamesTcpV4, PacketVerdict::kRedirect},
    CaptureRule{PacketMatch::kNamesTcpV6, PacketVerdict::kRedirect},
};
constexpr std::array kEchoRules = {
    CaptureRule{PacketMatch::kLoopbackV4, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kLoopbackV6, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kOwnV4, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kEchoRequestV4, PacketVerdict::kDrop},
    CaptureRule{PacketMatch::kEchoRequestV6, PacketVerdict::kDrop},
    CaptureRule{PacketMatch::kBeginningV4, PacketVerdict::kTell},
    CaptureRule{PacketMatch::kBeginningV6, PacketVerdict::kTell},
};
constexpr std::array kTproxyChains = {
    CaptureChain{kNftChain, PacketHook::kPrerouting, kCaptureRules}};
constexpr std::array kRedirectChains = {
    CaptureChain{kNftChain, PacketHook::kOutput, kRedirectRules},
    CaptureChain{"echo", PacketHook::kPrerouting, kEchoRules}};

std::string VerdictText(const CaptureRule& rule, std::uint16_t port) {
  switch (rule.verdict) {
    case PacketVerdict::kAccept:
      return "accept";
    case PacketVerdict::kDrop:
      return "drop";
    case PacketVerdict::kRedirect:
      return fmt::format("redirect to :{}", IsOfNames(rule.match) ? kNamePort : port);
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

std::string HostPortText(const policy::PublishedPort& port) {
  return port.host == 0 ? "(any)" : fmt::format("{}", port.host);
}

std::string_view WordsFor(policy::Capture capture) {
  switch (capture) {
    case policy::Capture::kAuto:
      return "auto (as tproxy, or what the kernel has of redirect and ports)";
    case policy::Capture::kTproxy:
      return "tproxy";
    case policy::Capture::kRedirect:
      return "redirect";
    case policy::Capture::kPorts:
      return "ports: no server inside can have them";
  }
  return "?";
}

std::string DescribeListeners(const NetworkPlan& plan) {
  std::string text = fmt::format("capture {}\n", WordsFor(plan.capture));
  if (plan.capture == policy::Capture::kPorts) {
    for (const std::uint16_t port : policy::PortsOf(plan.rules)) {
      text += fmt::format("listen tcp 0.0.0.0:{} and [::]:{}: capture\n", port, port);
    }
  } else {
    const std::string_view how = plan.capture == policy::Capture::kRedirect ? "" : " transparent";
    text += fmt::format("listen tcp 127.0.0.1:{}{}: capture\n", plan.capture_port, how);
    text += fmt::format("listen tcp [::1]:{}{}: capture\n", plan.capture_port, how);
  }
  text += fmt::format("listen tcp 127.0.0.1:{} and [::1]:{}: sockets for published ports\n",
                      kMintPort, kMintPort);
  return text;
}

std::string_view TextOf(PacketHook hook) {
  switch (hook) {
    case PacketHook::kPrerouting:
      return "type filter hook prerouting priority -150";
    case PacketHook::kOutput:
      return "type nat hook output priority -100";
  }
  return "?";
}

std::string DescribeTable(const NetworkPlan& plan) {
  const auto chains = ChainsOf(plan.capture);
  if (chains.empty()) return {};
  std::string text = fmt::format("table inet {} {{\n", kNftTable);
  const auto ports = policy::PortsOf(plan.rules);
  text += fmt::format(
      "  set {} {{ type inet_service;{} }}\n", kNftPortSet,
      ports.empty() ? "" : fmt::format(" elements = {{ {} }};", fmt::join(ports, ", ")));
  for (const CaptureChain& chain : chains) {
    text += fmt::format("  chain {} {{\n", chain.name);
    text += fmt::format("    {}; policy accept;\n", TextOf(chain.hook));
    for (const CaptureRule& rule : chain.rules) {
      if (!IsOf(plan, rule)) continue;
      text += fmt::format("    {} {}\n", MatchText(rule.match, plan.CapturesEveryPort()),
                          VerdictText(rule, plan.capture_port));
    }
    text += "  }\n";
  }
  return text + "}\n";
}

}  // namespace

std::span<const CaptureChain> ChainsOf(policy::Capture capture) {
  switch (capture) {
    case policy::Capture::kAuto:
    case policy::Capture::kTproxy:
      return kTproxyChains;
    case policy::Capture::kRedirect:
      return kRedirectChains;
    case policy::Capture::kPorts:
      return {};
  }
  return {};
}

std::optional<policy::Capture> BuiltCapture(std::byte byte) {
  for (const policy::Capture built :
       {policy::Capture::kTproxy, policy::Capture::kRedirect, policy::Capture::kPorts}) {
    if (byte == std::byte{static_cast<unsigned char>(built)}) return built;
  }
  return std::nullopt;
}

Status ValidateForPorts(const NetworkPlan& plan) {
  if (plan.rules.ask) {
    return Fail(
        Errc::kInvalidArgument,
        "--capture ports: only allowed ports are captured, and --ask (net.ask) is about every "
        "port",
        "use a kernel with nf_tables and --capture auto, or no --ask");
  }
  const auto ports = policy::PortsOf(plan.rules);
  if (ports.size() > kMaxCapturePorts) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("--capture ports: rules name '{}' ports, at most {} can be listened on",
                            ports.size(), kMaxCapturePorts),
                "name fewer ports, or use a kernel with nf_tables and --capture auto");
  }
  for (const std::uint16_t port : {kNamePort, kMintPort}) {
    if (std::ranges::find(ports, port) == ports.end()) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("--capture ports: '{}' cannot be allowed, ambit listens there", port),
                "use a kernel with nf_tables and --capture auto");
  }
  const auto hidden = std::ranges::find_if(plan.publish, [&](const policy::PublishedPort& port) {
    return std::ranges::find(ports, port.inside) != ports.end();
  });
  if (hidden == plan.publish.end()) return {};
  return Fail(Errc::kInvalidArgument,
              fmt::format("--publish '{}' (net.publish): with --capture ports no server inside can "
                          "have port {}, which a rule of the network allows",
                          policy::TextOf(*hidden), hidden->inside),
              "let the server inside listen on another port");
}

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
    if (port != 0 && !IsOurs(plan, port)) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("--host-port '{}' (net.host_ports): {}", port,
                            port == 0 ? "not a port"
                                      : "not a port that can be served, ambit listens there"));
  }
  AMBIT_CHECK(ValidatePublished(plan));
  return plan.capture == policy::Capture::kPorts ? ValidateForPorts(plan) : Status{};
}

std::string DescribeReach(const NetworkPlan& plan) {
  std::string text = plan.HasNames() ? "" : "allow no name and no address\n";
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
  return text;
}

std::string Describe(const NetworkPlan& plan) {
  const auto own = fmt::format("{}", fmt::join(kOwnAddress, "."));
  std::string text = "link lo up\n";
  text += fmt::format("address {}/32 dev lo\n", own);
  text += fmt::format("route local 0.0.0.0/0 dev lo src {}\n", own);
  text += "route local ::/0 dev lo\n";
  text += DescribeListeners(plan);
  for (const std::uint16_t port : plan.host_ports) {
    text += fmt::format("listen tcp 127.0.0.1:{} and [::1]:{}: host port\n", port, port);
  }
  if (plan.HasNames()) {
    text += fmt::format("listen udp and tcp 127.0.0.1:{} and [::1]:{} transparent: names\n",
                        kNamePort, kNamePort);
  }
  for (const policy::PublishedPort& port : plan.publish) {
    text += fmt::format("publish 127.0.0.1:{} and [::1]:{} of the host: port {} inside\n",
                        HostPortText(port), HostPortText(port), port.inside);
  }
  text += DescribeTable(plan);
  text += "sysctl net.ipv4.ip_unprivileged_port_start = 0\n";
  return text;
}

}  // namespace ambit::plan
