#pragma once
// plan::kCaptureRules as one nfnetlink batch: table, set of ports, prerouting chain, rules.
// Caller: spawn/native/network and its tests. Pure: writes bytes, no system call.
#include <cstdint>

#include "plan/network_plan.h"
#include "sys/netlink.h"

namespace ambit::spawn {

void WriteCaptureRules(sys::NetlinkBatch& batch, const plan::NetworkPlan& plan, bool with_ipv6);

}  // namespace ambit::spawn
