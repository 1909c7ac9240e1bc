#pragma once
// The egress process: the only way out of a run's network, outside of the run.
//
// Caller: the supervisor, in a fork of itself (no exec) made before anything of the run exists; one
// thread. Everything the process needs is in EgressSpec; all other descriptors are closed.
// Life: `control` brings the run's listeners once, in one message; from then on EgressReport
// records go out on it, and orders come in (egress/order.h), which may come before. The end of
// `life_line` (the supervisor is gone, however it died) ends the process at once. Host ports,
// published ports and what the rules of the network name are served, everything else is refused.
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "egress/allowance.h"
#include "egress/confine.h"
#include "egress/relay.h"
#include "plan/network_plan.h"

namespace ambit::egress {

/// A listener on the host's loopback whose connections go to a server inside.
struct PublishedListener {
  Fd socket;
  policy::PublishedPort port;  // `host`: where it is
};

struct EgressSpec {
  plan::NetworkPlan network;
  Fd life_line;                        // read end; only the supervisor holds the write end
  Fd control;                          // seqpacket
  std::optional<HostIdentity> become;  // required when the supervisor is root
  // With names only.
  std::string hosts;                               // of /etc/hosts of the host
  policy::OwnAddresses own;                        // of its interfaces
  std::uint64_t most_out = Allowance::kUnlimited;  // bytes that may leave the run
  Timeouts timeouts = {};
  std::vector<PublishedListener> published;
};

/// Exit status: 0 when the life line ended, kExitFailed when a wall could not be raised or the
/// listeners were not what the plan says; a kFailed report names the stage.
inline constexpr int kExitFailed = 125;

/// Before RunEgress: says on `spec.control` that what it needs could not be had, and ends the
/// process.
[[noreturn]] void EndUnmade(const EgressSpec& spec, int error) noexcept;

[[noreturn]] void RunEgress(EgressSpec spec) noexcept;

}  // namespace ambit::egress
