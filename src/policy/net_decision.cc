#include "policy/net_decision.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "policy/foreign.h"

namespace ambit::policy {
namespace {

struct TargetAddress {
  const AddressBytes& address;
  const OwnAddresses& own;
};

bool Fits(const NetRule& rule, const HostName& name) {
  if (!rule.name) return false;
  return rule.below ? name.IsBelow(*rule.name) : name == *rule.name;
}

bool Fits(const NetRule& rule, const TargetAddress& target) {
  return rule.range && rule.range->Has(target.address);
}

bool Denies(const NetRule& rule, const HostName& name) { return Fits(rule, name); }

/// In whatever form it is written.
bool Denies(const NetRule& rule, const TargetAddress& target) {
  const auto inner = InnerAddressOf(target.address);
  return Fits(rule, target) || (inner && rule.range && rule.range->Has(*inner));
}

bool Allows(const NetRule& rule, const HostName& name) { return Fits(rule, name); }

bool Allows(const NetRule& rule, const TargetAddress& target) {
  return Fits(rule, target) && Means(*rule.range, target.address, target.own);
}

bool AllowsPort(const NetRule& rule, std::uint16_t port) {
  return rule.port ? *rule.port == port : std::ranges::find(kWebPorts, port) != kWebPorts.end();
}

bool DeniesPort(const NetRule& rule, std::uint16_t port) {
  return !rule.port || *rule.port == port;
}

/// Whether a person is asked about what no rule names.
template <class Target>
bool IsAskedAbout(const NetRules& rules, const Target& target, std::uint16_t port) {
  if (!rules.ask || !rules.most) return rules.ask;
  return std::ranges::any_of(*rules.most, [&](const NetRule& most) {
    return Fits(most, target) && AllowsPort(most, port);
  });
}

template <class Target>
NetDecision DecideAbout(const NetRules& rules, const Target& target, std::uint16_t port) {
  for (const NetRule& rule : rules.deny) {
    if (Denies(rule, target) && DeniesPort(rule, port)) return {.rule = &rule, .allowed = false};
  }
  // Of those that allow it one that compares what is claimed goes first: the narrower one.
  const NetRule* found = nullptr;
  for (const NetRule& rule : rules.allow) {
    if (!Allows(rule, target) || !AllowsPort(rule, port)) continue;
    if (found == nullptr || (found->raw && !rule.raw)) found = &rule;
  }
  if (found != nullptr) return {.rule = found, .allowed = true};
  return {.ask = IsAskedAbout(rules, target, port)};
}

/// Whether there may be a port on which a person is asked about what no rule denies.
template <class Target>
bool IsAskedAbout(const NetRules& rules, const Target& target) {
  if (!rules.ask || !rules.most) return rules.ask;
  return std::ranges::any_of(*rules.most, [&](const NetRule& most) { return Fits(most, target); });
}

template <class Target>
NetDecision DecideOnAnyPort(const NetRules& rules, const Target& target) {
  for (const NetRule& rule : rules.deny) {
    if (Denies(rule, target) && !rule.port) return {.rule = &rule, .allowed = false};
  }
  NetDecision refused;
  for (const NetRule& rule : rules.allow) {
    if (!Allows(rule, target)) continue;
    for (const std::uint16_t port :
         rule.port ? std::vector{*rule.port} : std::vector(kWebPorts.begin(), kWebPorts.end())) {
      const NetDecision decision = DecideAbout(rules, target, port);
      if (decision.allowed) return decision;
      refused = decision;
    }
  }
  if (refused.rule == nullptr) refused.ask = IsAskedAbout(rules, target);
  return refused;
}

}  // namespace

bool Covers(const NetRule& wider, const NetRule& rule) {
  if (rule.raw && !wider.raw) return false;
  if (wider.port && wider.port != rule.port) return false;
  if (!wider.port && rule.port && !AllowsPort(wider, *rule.port)) return false;
  if (rule.range) {
    return wider.range && wider.range->bits <= rule.range->bits &&
           wider.range->Has(rule.range->first);
  }
  if (!wider.name) return false;
  if (rule.below && !wider.below) return false;
  return *wider.name == *rule.name ? wider.below == rule.below
                                   : wider.below && rule.name->IsBelow(*wider.name);
}

NetDecision Decide(const NetRules& rules, const HostName& name, std::uint16_t port) {
  return DecideAbout(rules, name, port);
}

NetDecision Decide(const NetRules& rules, const AddressBytes& address, std::uint16_t port,
                   const OwnAddresses& own) {
  return DecideAbout(rules, TargetAddress{.address = address, .own = own}, port);
}

bool IsDenied(const NetRules& rules, const AddressBytes& address, std::uint16_t port) {
  const NetDecision decision = Decide(rules, address, port);
  return decision.rule != nullptr && !decision.allowed;
}

NetDecision DecideName(const NetRules& rules, const HostName& name) {
  return DecideOnAnyPort(rules, name);
}

NetDecision DecideAddress(const NetRules& rules, const AddressBytes& address) {
  const OwnAddresses none;
  return DecideOnAnyPort(rules, TargetAddress{.address = address, .own = none});
}

bool DeniesAllOf(const NetRule& denied, const NetRule& rule) {
  NetRule wider = denied;
  wider.raw = true;
  // Of a rule that denies, no port means all of them.
  if (!wider.port) wider.port = rule.port;
  return Covers(wider, rule);
}

Status MayGrant(const NetRules& rules, const NetRule& rule) {
  for (const NetRule& denied : rules.deny) {
    if (!DeniesAllOf(denied, rule)) continue;
    return Fail(Errc::kDenied, fmt::format("'{}': denied by {} ({}), and deny wins", TextOf(rule),
                                           TextOf(denied), Printable(denied.from)));
  }
  const bool within = !rules.most || std::ranges::any_of(*rules.most, [&](const NetRule& most) {
    return Covers(most, rule);
  });
  if (within) return {};
  return Fail(Errc::kDenied,
              fmt::format("'{}': the managed policy does not allow it", TextOf(rule)));
}

std::vector<std::uint16_t> PortsOf(const NetRules& rules) {
  std::set<std::uint16_t> ports;
  for (const NetRule& rule : rules.allow) {
    if (rule.port)
      ports.insert(*rule.port);
    else
      ports.insert(kWebPorts.begin(), kWebPorts.end());
  }
  return {ports.begin(), ports.end()};
}

}  // namespace ambit::policy
