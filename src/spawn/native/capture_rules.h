#pragma once
// plan::ChainsOf as one nfnetlink batch: table, set of ports, chains, rules.
// Caller: spawn/native/network and its tests. Pure: writes bytes, no system call.
#include <cstdint>

#include "plan/network_plan.h"
#include "sys/netlink.h"

namespace ambit::spawn {

/// `capture`: one that has chains; `plan.capture` may leave the choice open.
void WriteCaptureRules(sys::NetlinkBatch& batch, const plan::NetworkPlan& plan,
                       policy::Capture capture, bool with_ipv6);

}  // namespace ambit::spawn
