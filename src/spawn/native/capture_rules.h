#pragma once
// plan::kCaptureRules as nfnetlink batches: table, set of ports, prerouting chain and the rules
// that decide; the rules that only tell; and who is told. Caller: spawn/native/network and its
// tests. Pure: writes bytes, no system call.
#include <cstdint>

#include "plan/network_plan.h"
#include "sys/netlink.h"

namespace ambit::spawn {

void WriteCaptureRules(sys::NetlinkBatch& batch, const plan::NetworkPlan& plan, bool with_ipv6);

/// What is told of refused connections; behind WriteCaptureRules. By itself, because a kernel may
/// lack nft_log and refuses as well without it.
void WriteTellingRules(sys::NetlinkBatch& batch, const plan::NetworkPlan& plan, bool with_ipv6);

/// Whoever sends this is told (plan::kNftLogGroup). Source: linux/netfilter/nfnetlink_log.h.
void WriteLogGroup(sys::NetlinkBatch& batch);

}  // namespace ambit::spawn
