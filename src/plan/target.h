#pragma once
// What somebody means by a host: "https://example.com/x", "tcp://h:1" and "h:1" are all a host, and
// perhaps a port. Pure. Who calls: policy_tests, why, cli.
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "plan/launch_plan.h"
#include "policy/net_decision.h"

namespace ambit::plan {

struct Target {
  std::string_view host;  // into the text
  std::optional<std::uint16_t> port;

  /// Whether it is the machine's own, by name or address.
  [[nodiscard]] bool IsLoopback() const;
};

Target ParseTarget(std::string_view text);

/// The same of what a person has typed; of all of a range, or all names below one, `host` is the
/// whole text. kInvalidArgument: what stands behind its colon is no port, or it is neither a name
/// nor an address.
Result<Target> ReadTypedTarget(std::string_view text);

/// Whether it is of a range, or of all names below one.
bool IsOfMany(const policy::NetRule& rule);

/// The host as a rule names it, without a port. Nothing: it is neither a name nor an address.
std::optional<policy::NetRule> RuleOf(const Target& target);

/// What the rules say of a name or an address; without a port of any. Nothing: it is neither.
std::optional<policy::NetDecision> DecisionOn(const policy::NetRules& rules, const Target& target);

/// By a name or an address that a rule allows or a person may be asked about, or as a named port of
/// the host's loopback. Without a port: on any.
bool CanBeReached(const LaunchPlan& plan, const Target& target);

}  // namespace ambit::plan
