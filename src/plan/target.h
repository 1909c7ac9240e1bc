#pragma once
// What somebody means by a host: "https://example.com/x", "tcp://h:1" and "h:1" are all a host, and
// perhaps a port. Pure. Who calls: policy_tests, why.
#include <cstdint>
#include <optional>
#include <string_view>

#include "plan/launch_plan.h"

namespace ambit::plan {

struct Target {
  std::string_view host;  // into the text
  std::optional<std::uint16_t> port;

  /// Whether it is the machine's own, by name or address.
  [[nodiscard]] bool IsLoopback() const;
};

Target ParseTarget(std::string_view text);

/// What the rules say of a name or an address; without a port of any, of an address of 443.
/// Nothing: it is neither.
std::optional<policy::NetDecision> DecisionOn(const LaunchPlan& plan, const Target& target);

/// By a name or an address that a rule allows or a person may be asked about, or as a named port of
/// the host's loopback. Without a port: on any.
bool CanBeReached(const LaunchPlan& plan, const Target& target);

}  // namespace ambit::plan
