#include "egress/run_rules.h"

#include <algorithm>
#include <span>
#include <vector>

#include "policy/net_decision.h"

namespace ambit::egress {
namespace {

/// Wherever they come from.
bool IsSame(const policy::NetRule& one, const policy::NetRule& other) {
  return policy::TextOf(one) == policy::TextOf(other);
}

void AddOnce(std::vector<policy::NetRule>& rules, policy::NetRule rule) {
  const bool known =
      std::ranges::any_of(rules, [&](const policy::NetRule& one) { return IsSame(one, rule); });
  if (!known) rules.push_back(std::move(rule));
}

}  // namespace

bool RunRules::Allow(policy::NetRule rule) {
  const auto own = rules_.deny.begin() + static_cast<std::ptrdiff_t>(denied_before_);
  const auto rest = std::remove_if(
      own, rules_.deny.end(), [&](const policy::NetRule& denied) { return IsSame(denied, rule); });
  const bool takes_back = rest != rules_.deny.end();
  rules_.deny.erase(rest, rules_.deny.end());
  AddOnce(rules_.allow, std::move(rule));
  return takes_back;
}

void RunRules::Deny(policy::NetRule rule) { AddOnce(rules_.deny, std::move(rule)); }

std::string RunRules::OwnDenialOf(const policy::NetRule& rule) const {
  policy::NetRules without = rules_;
  without.deny.resize(denied_before_);
  if (!policy::MayGrant(without, rule)) return {};
  for (const policy::NetRule& denied : std::span(rules_.deny).subspan(denied_before_)) {
    if (!policy::MayGrant({.allow = {}, .deny = {denied}}, rule)) return policy::TextOf(denied);
  }
  return {};
}

}  // namespace ambit::egress
