#pragma once
// plan::ChainsOf as nfnetlink batches: table, set of ports, chains and the rules that decide; the
// rules that only tell; and who is told. Caller: spawn/native/network and its tests. Pure: writes
// bytes, no system call.
#include <cstdint>

#include "plan/network_plan.h"
#include "sys/netlink.h"

namespace ambit::spawn {

/// `capture`: one that has chains; `plan.capture` may leave the choice open.
void WriteCaptureRules(sys::NetlinkBatch& batch, const plan::NetworkPlan& plan,
                       policy::Capture capture, bool with_ipv6);

/// What is told of refused connections; behind WriteCaptureRules. By itself, because a kernel may
/// lack nft_log and refuses as well without it.
void WriteTellingRules(sys::NetlinkBatch& batch, const plan::NetworkPlan& plan,
                       policy::Capture capture, bool with_ipv6);

/// Whoever sends this is told (plan::kNftLogGroup). Source: linux/netfilter/nfnetlink_log.h.
void WriteLogGroup(sys::NetlinkBatch& batch);

}  // namespace ambit::spawn
