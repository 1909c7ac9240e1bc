#include "policy/net_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>

#include "policy/foreign.h"
#include "policy/merge.h"
#include "policy/net_decision.h"

namespace ambit::policy {
namespace {

bool IsDenied(const NetRules& rules, const NetRule& rule) {
  return std::ranges::any_of(rules.deny,
                             [&](const NetRule& denied) { return DeniesAllOf(denied, rule); });
}

bool AllowsPort(const NetRule& rule, std::uint16_t port) {
  return rule.port ? *rule.port == port : std::ranges::find(kWebPorts, port) != kWebPorts.end();
}

/// Whether there is a name or an address that is of both.
bool Meet(const NetRule& one, const NetRule& other) {
  if (one.range && other.range) {
    const bool one_is_wider = one.range->bits <= other.range->bits;
    return one_is_wider ? one.range->Has(other.range->first) : other.range->Has(one.range->first);
  }
  if (!one.name || !other.name) return false;
  if (*one.name == *other.name) return one.below == other.below;
  return (one.below && other.name->IsBelow(*one.name)) ||
         (other.below && one.name->IsBelow(*other.name));
}

}  // namespace

std::vector<NetRule> Reachable(const NetRules& rules) {
  std::vector<NetRule> reachable;
  for (const NetRule& rule : rules.allow) {
    std::vector<NetRule> left;
    for (const std::uint16_t port : kWebPorts) {
      NetRule one = rule;
      if (!rule.port) one.port = port;
      if (!IsDenied(rules, one)) left.push_back(std::move(one));
    }
    if (left.size() == kWebPorts.size()) left = {rule};
    std::ranges::move(left, std::back_inserter(reachable));
  }
  return reachable;
}

std::vector<NetRule> DeniedWithin(const NetRules& rules, std::span<const NetRule> reachable) {
  std::vector<NetRule> within;
  std::ranges::copy_if(rules.deny, std::back_inserter(within), [&](const NetRule& denied) {
    return std::ranges::any_of(reachable, [&](const NetRule& rule) {
      return Meet(denied, rule) && (!denied.port || AllowsPort(rule, *denied.port));
    });
  });
  return within;
}

std::vector<NetRule> StrongestFirst(std::vector<NetRule> rules, const Setting* said) {
  if (said == nullptr) return rules;
  std::map<std::string, SourceKind> claims;
  for (const Item& item : said->items) {
    claims.emplace(NameFor(*said->option, item.origin), item.origin.source);
  }
  std::map<SourceKind, std::vector<NetRule>, std::greater<>> by_claim;
  for (NetRule& rule : rules) {
    const auto claim = claims.find(rule.from);
    by_claim[claim != claims.end() ? claim->second : SourceKind::kPreset].push_back(
        std::move(rule));
  }
  rules.clear();
  for (auto& [claim, of_it] : by_claim) std::ranges::move(of_it, std::back_inserter(rules));
  return rules;
}

std::string WhyUnnamed(const NetRules& rules, const AddressBytes& address,
                       std::optional<std::uint16_t> port) {
  const auto around = std::ranges::find_if(rules.allow, [&](const NetRule& rule) {
    return rule.range && rule.range->Has(address) && (!port || AllowsPort(rule, *port));
  });
  if (around == rules.allow.end()) return std::string(kNoRuleNamesIt);
  // A public address that a rule has and does not mean is one of this machine's.
  const Reach reach = ReachOf(address);
  return fmt::format("{} by itself: {} ({}) does not mean {}", kNoRuleNamesIt, TextOf(*around),
                     around->from, WordsFor(reach == Reach::kPublic ? Reach::kOwn : reach));
}

}  // namespace ambit::policy
