#pragma once
// Builds the network of a run inside its own namespace and makes the listeners that egress serves
// from outside: a socket keeps the namespace it was created in.
//
// Caller: init, between clone and exec, single-threaded, with CAP_NET_ADMIN and
// CAP_NET_BIND_SERVICE over a *fresh* network namespace. May allocate; never throws, never starts a
// thread. All sockets are close-on-exec and non-blocking.
// On an error the namespace is half built: the caller must not go on.
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "plan/network_plan.h"
#include "sys/netlink.h"

namespace ambit::spawn {

struct NetworkSockets {
  /// What was built: never kAuto.
  policy::Capture capture = policy::Capture::kTproxy;
  Fd capture_v4;                  // both empty with Capture::kPorts
  Fd capture_v6;                  // empty on a kernel without IPv6
  std::vector<Fd> capture_ports;  // Capture::kPorts: 0.0.0.0:N, then [::]:N, for each allowed port
  /// For each family a listener at kMintPort and a socket that alone gets through to it: with them
  /// egress gets sockets of this namespace (egress/mint.h).
  std::vector<Fd> mint;
  /// 127.0.0.1:53 and [::1]:53, UDP and TCP, and whatever else is asked on port 53: the address is
  /// told with each question (IP_RECVORIGDSTADDR), or getsockname() of what is accepted. Empty for
  /// a run without names.
  std::vector<Fd> names;
  /// Netlink: the first packet of each connection that the run's kernel refuses because nobody
  /// captures its port, as nfnetlink_log tells it. Empty on a kernel without nft_log.
  Fd refused;
  std::vector<Fd> host_ports;  // 127.0.0.1:N, then [::1]:N where there is IPv6, for each port
  /// Programs inside may bind ports below 1024, as the run's servers on 80 and 443 expect. False
  /// when no writable /proc/sys was at hand: nothing is less safe, such servers get EACCES.
  bool low_ports_open = false;
};

/// `proc_fd`: a directory descriptor of any proc mount, or -1 for /proc of the current root. Which
/// one does not matter: below /proc/sys/net the kernel shows the caller's own namespace.
/// With Capture::kAuto what the kernel lacks is done without, in the order of policy::Capture.
/// kUnsupported with a remedy when what the plan asks for is missing; kInvalidArgument for a plan
/// that plan::Validate refuses, or that cannot be served in the one way that is left.
Result<NetworkSockets> BuildNetwork(const plan::NetworkPlan& plan, int proc_fd);

/// Passes every socket, and how connections are captured, to egress in one message over a seqpacket
/// socket. The receiver tells them apart by their family, getsockname() and their type.
Status SendListeners(int socket, const NetworkSockets& sockets);

/// The first way that `apply` can build, or Capture::kPorts when the kernel has none of them.
/// Separate, because a kernel that lacks one is not at hand in tests.
Result<policy::Capture> FirstThatStands(const plan::NetworkPlan& plan,
                                        const std::function<Status(policy::Capture)>& apply);

/// What a refused rule set means to the user. Separate, because a kernel that lacks tproxy is not
/// at hand in tests, while the answer of a kernel that lacks an expression is.
Error ExplainNftFailure(const sys::NetlinkFailure& failure);

/// The names of the two rules that need nft_tproxy, as ExplainNftFailure knows them.
inline constexpr const char* kTproxyRuleV4 = "nft rule: capture IPv4 with tproxy";
inline constexpr const char* kTproxyRuleV6 = "nft rule: capture IPv6 with tproxy";

/// Likewise, what address translation needs.
inline constexpr const char* kRedirectRule = "nft rule: capture with redirect";
inline constexpr const char* kNatChain = "nft chain of type nat";

}  // namespace ambit::spawn
