#pragma once
// The network of a run as plain data: what spawn/native/network builds inside the run's own
// namespace and what egress serves outside of it.
//
// The namespace has no uplink. `local default dev lo` routes make every address local, so the run's
// own kernel answers for the whole world: TCP to an allowed port gets to a capture listener in one
// of the ways of policy::Capture, everything else meets a closed port in microseconds (TCP: reset,
// UDP: port unreachable). Nothing here does I/O.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "plan/proxy.h"
#include "policy/net_rules.h"
#include "policy/policy.h"

namespace ambit::plan {

struct NetworkPlan {
  /// Where tproxy and redirect hand connections over. Below 1024: it is bound before privilege is
  /// dropped, and a port that programs or the ephemeral range use would collide with servers
  /// inside.
  std::uint16_t capture_port = 1;
  /// 127.0.0.1:N and [::1]:N inside reach the host's own loopback N. At most kMaxHostPorts.
  std::vector<std::uint16_t> host_ports;
  /// The host's 127.0.0.1:H and [::1]:H reach a server inside. At most kMaxPublished at the start.
  std::vector<policy::PublishedPort> publish;
  /// What may be reached by name or address. Empty: no network, and nobody answers resolvers.
  policy::NetRules rules;
  /// What is reached by name or address is reached through it; only where there are such rules.
  std::optional<HttpProxy> proxy = {};
  policy::Capture capture = policy::Capture::kAuto;
  /// What may be published at most, also while the run goes on (Policy::most_publish).
  std::optional<std::vector<policy::PublishedPort>> most_publish = {};

  /// Whether names resolve: 127.0.0.1:53 inside is egress' then.
  [[nodiscard]] bool HasNames() const { return !rules.allow.empty() || rules.ask; }
  /// Whether TCP to every port is handed to egress, not only to those that rules allow.
  [[nodiscard]] bool CapturesEveryPort() const { return rules.ask; }
  bool operator==(const NetworkPlan&) const = default;
};

/// Both listeners of every host port fit into one message of descriptors, with room to spare.
inline constexpr std::size_t kMaxHostPorts = 64;

inline constexpr std::size_t kMaxPublished = 32;

/// Capture::kPorts has two listeners for each allowed port, and they pass in the same message.
inline constexpr std::size_t kMaxCapturePorts = 48;

/// What passes from the run to egress at most: capture listeners, those of names, what mints
/// sockets, the one that tells of refused connections, host ports.
inline constexpr std::size_t kMostSockets = 2 * kMaxCapturePorts + 4 + 4 + 1 + 2 * kMaxHostPorts;

/// What the message with the sockets begins with; the capture that was built follows.
inline constexpr std::byte kSocketsGreeting{'L'};

/// Nothing for a byte that is none that can be built.
std::optional<policy::Capture> BuiltCapture(std::byte byte);

/// The run's one global address, on lo: without one, resolvers that are asked for "families this
/// host has" (AI_ADDRCONFIG) return nothing. IPv4 only, so that dual-stack programs take IPv4.
inline constexpr std::array<std::uint8_t, 4> kOwnAddress = {198, 19, 255, 1};

/// Where resolvers inside ask, whatever address they ask. Below 1024 like the capture port, and for
/// the same reason.
inline constexpr std::uint16_t kNamePort = 53;

/// By which the run's kernel tells of connections that it refuses (nfnetlink_log), and how many a
/// second at most: what connects in a loop costs nobody anything.
inline constexpr std::uint16_t kNftLogGroup = 1;
inline constexpr std::uint64_t kToldPerSecond = 50;
inline constexpr std::uint32_t kToldAtOnce = 200;
/// Where the listener is that egress gets sockets of the run's namespace from (egress/mint.h).
inline constexpr std::uint16_t kMintPort = 2;

inline constexpr const char* kNftTable = "ambit";
inline constexpr const char* kNftChain = "capture";
inline constexpr const char* kNftPortSet = "ports";

/// One rule of a chain. The order of kCaptureRules is the order in the kernel.
enum class PacketMatch : std::uint8_t {
  kLoopbackV4,     // to 127.0.0.0/8
  kLoopbackV6,     // to ::1
  kOwnV4,          // to kOwnAddress
  kEchoRequestV4,  // ping
  kEchoRequestV6,
  kAllowedPortV4,  // TCP whose destination port is in the set, or any port: CapturesEveryPort
  kAllowedPortV6,
  kNamesV4,  // port 53, by whatever transport; of runs with names
  kNamesV6,
  kNamesUdpV4,  // the same of one transport
  kNamesUdpV6,
  kNamesTcpV4,
  kNamesTcpV6,
  kBeginningV4,  // the first packet of any other connection by TCP
  kBeginningV6,
};
enum class PacketVerdict : std::uint8_t {
  kAccept,
  kDrop,
  kCapture,
  kNames,     // to whoever answers 127.0.0.1:53
  kTell,      // and goes on: nobody listens there
  kRedirect,  // by address translation, to the capture listener or to whoever answers names
};
struct CaptureRule {
  PacketMatch match;
  PacketVerdict verdict;
};
/// Of Capture::kTproxy. Echo requests to foreign addresses are dropped because the own kernel would
/// answer them: a connectivity check by ping would lie. In prerouting a drop does not fail the
/// sender's call. Handing over takes TCP and UDP and leaves what is neither to the rules behind it
/// (nft_tproxy.c), so that one rule is enough for both: each costs a start 50 us of processor time.
inline constexpr std::array kCaptureRules = {
    CaptureRule{PacketMatch::kLoopbackV4, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kLoopbackV6, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kOwnV4, PacketVerdict::kAccept},
    CaptureRule{PacketMatch::kEchoRequestV4, PacketVerdict::kDrop},
    CaptureRule{PacketMatch::kEchoRequestV6, PacketVerdict::kDrop},
    CaptureRule{PacketMatch::kAllowedPortV4, PacketVerdict::kCapture},
    CaptureRule{PacketMatch::kAllowedPortV6, PacketVerdict::kCapture},
    CaptureRule{PacketMatch::kNamesV4, PacketVerdict::kNames},
    CaptureRule{PacketMatch::kNamesV6, PacketVerdict::kNames},
    CaptureRule{PacketMatch::kBeginningV4, PacketVerdict::kTell},
    CaptureRule{PacketMatch::kBeginningV6, PacketVerdict::kTell},
};

constexpr bool IsOfNames(PacketMatch match) {
  return match == PacketMatch::kNamesV4 || match == PacketMatch::kNamesV6 ||
         match == PacketMatch::kNamesUdpV4 || match == PacketMatch::kNamesUdpV6 ||
         match == PacketMatch::kNamesTcpV4 || match == PacketMatch::kNamesTcpV6;
}

constexpr bool IsV6(PacketMatch match) {
  return match == PacketMatch::kLoopbackV6 || match == PacketMatch::kEchoRequestV6 ||
         match == PacketMatch::kAllowedPortV6 || match == PacketMatch::kNamesV6 ||
         match == PacketMatch::kNamesUdpV6 || match == PacketMatch::kNamesTcpV6 ||
         match == PacketMatch::kBeginningV6;
}

/// Whether the rule is one of this plan's: nobody answers resolvers in a run without names.
constexpr bool IsOf(const NetworkPlan& plan, const CaptureRule& rule) {
  return !IsOfNames(rule.match) || plan.HasNames();
}

enum class PacketHook : std::uint8_t {
  kPrerouting,  // what arrives on lo, before it is decided whose it is
  kOutput,      // the first packet of each connection from inside, for address translation
};
struct CaptureChain {
  const char* name;
  PacketHook hook;
  std::span<const CaptureRule> rules;
};

/// What a way to capture has in the kernel; nothing for Capture::kPorts. Of Capture::kAuto that
/// which is tried first.
std::span<const CaptureChain> ChainsOf(policy::Capture capture);

/// kInvalidArgument names the first bad field: a port of 0, a port twice, too many, a capture port
/// that is not below 1024, a host port where ambit itself listens; a published port that would lead
/// back to the host or to ambit; with Capture::kPorts what ValidateForPorts refuses.
Status Validate(const NetworkPlan& plan);

/// Whether Capture::kPorts can serve it: an allowed port on which nothing else listens, and not too
/// many of them.
Status ValidateForPorts(const NetworkPlan& plan);

/// What may be reached by name or address, with where each rule comes from, for `ambit plan`.
std::string DescribeReach(const NetworkPlan& plan);

/// Everything that will exist in the namespace, for `ambit plan` and golden tests.
std::string Describe(const NetworkPlan& plan);

}  // namespace ambit::plan
