#pragma once
// What rules of the network come to when they are taken together, for people: the start line of a
// run, the plan, the record, `ambit why`. Egress decides by policy/net_decision.h alone. Pure.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policy/document.h"
#include "policy/net_rules.h"

namespace ambit::policy {

/// What of `allow` no rule of `deny` takes away: a rule of which one web port is denied becomes one
/// of the other.
std::vector<NetRule> Reachable(const NetRules& rules);

/// The rules of `deny` that take a part of what `reachable` allows.
std::vector<NetRule> DeniedWithin(const NetRules& rules, std::span<const NetRule> reachable);

/// Those of the strongest claim first: what somebody has just typed, then files, then presets.
/// `said`: the setting that made the rules; nullptr: there is none.
std::vector<NetRule> StrongestFirst(std::vector<NetRule> rules, const Setting* said);

/// What begins both answers of WhyUnnamed.
inline constexpr std::string_view kNoRuleNamesIt = "no rule names it";

/// Of an address that is refused, and not by a rule of `deny`: that no rule names it, or that one
/// has it in its range and does not mean it (policy/foreign.h). Without a port: on any.
std::string WhyUnnamed(const NetRules& rules, const AddressBytes& address,
                       std::optional<std::uint16_t> port);

}  // namespace ambit::policy
