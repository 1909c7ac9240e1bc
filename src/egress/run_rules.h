#pragma once
// The rules of a run that goes on: those it began with, and those that a person gave since. Deny
// wins over allow, but for one thing: who denies something and then allows the very same rule has
// changed their mind, and the later answer counts. What the policy denies stays denied, and so does
// whatever a wider denial covers.
//
// Supervisor and egress each have one and get the same answers in the same order. Who calls:
// supervise/approvals, egress. Pure.
#include <cstddef>
#include <string>
#include <utility>

#include "policy/net_rules.h"

namespace ambit::egress {

class RunRules {
 public:
  explicit RunRules(policy::NetRules began)
      : rules_(std::move(began)), denied_before_(rules_.deny.size()) {}

  [[nodiscard]] const policy::NetRules& rules() const { return rules_; }

  /// `rule` is allowed from now on. True: that takes back a denial of the same rule.
  bool Allow(policy::NetRule rule);
  /// `rule` is denied from now on.
  void Deny(policy::NetRule rule);

  /// The denial of this run that keeps `rule` from being allowed, as it was written; empty when
  /// there is none, or when it would not be allowed without it either.
  [[nodiscard]] std::string OwnDenialOf(const policy::NetRule& rule) const;

 private:
  policy::NetRules rules_;
  std::size_t denied_before_;  // rules of `rules_.deny`, from its front
};

}  // namespace ambit::egress
