#include "plan/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/text.h"

namespace ambit::plan {

bool Target::IsLoopback() const {
  return host == "localhost" || host == "[::1]" || host == "::1" || host.starts_with("127.");
}

Target ParseTarget(std::string_view text) {
  Target target;
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.starts_with("http:")) target.port = 80;
    if (text.starts_with("https:")) target.port = 443;
    text.remove_prefix(scheme + 3);
  }
  text = text.substr(0, text.find('/'));
  const std::size_t colon = text.rfind(':');
  target.host = text;
  const bool is_address = text.find(':') != colon && !text.starts_with('[');  // of IPv6
  if (colon == std::string_view::npos || text.ends_with(']') || is_address) return target;
  std::uint16_t port = 0;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, err] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (err == std::errc() && end == digits.data() + digits.size()) {
    target.host = text.substr(0, colon);
    target.port = port;
  }
  return target;
}

Result<Target> ReadTypedTarget(std::string_view text) {
  const auto whole = policy::ReadTarget(text, {});
  if (whole && IsOfMany(*whole)) return Target{.host = text, .port = whole->port};
  const Target target = ParseTarget(text);
  const auto rule = RuleOf(target);
  if (target.port == 0 || (!rule && target.host.contains(':'))) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("'{}': no port behind its colon", Printable(text)),
                "a port is a number from 1 to 65535, as in example.com:443");
  }
  if (!rule) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("'{}': neither a name nor an address", Printable(text)),
                "write example.com, example.com:443 or 192.0.2.7");
  }
  const bool is_range = rule->range && text.contains('/') && !text.contains("://");
  if (is_range && !whole) return std::unexpected(whole.error());
  return target;
}

bool IsOfMany(const policy::NetRule& rule) {
  constexpr int kWholeAddress = 128;
  return rule.below || (rule.range && rule.range->bits < kWholeAddress);
}

std::optional<policy::NetRule> RuleOf(const Target& target) {
  const bool bare_v6 = target.host.contains(':') && !target.host.starts_with('[');
  const std::string text = fmt::format(fmt::runtime(bare_v6 ? "[{}]" : "{}"), target.host);
  // The one reader of names and addresses is that of rules.
  auto rule = policy::ReadTarget(text, {});
  if (!rule || rule->port) return std::nullopt;
  return *std::move(rule);
}

std::optional<policy::NetDecision> DecisionOn(const policy::NetRules& rules, const Target& target) {
  const auto rule = RuleOf(target);
  if (!rule || IsOfMany(*rule)) return std::nullopt;
  if (rule->name) {
    return target.port ? policy::Decide(rules, *rule->name, *target.port)
                       : policy::DecideName(rules, *rule->name);
  }
  return target.port ? policy::Decide(rules, rule->range->first, *target.port)
                     : policy::DecideAddress(rules, rule->range->first);
}

bool CanBeReached(const LaunchPlan& plan, const Target& target) {
  if (!target.IsLoopback()) {
    const auto decision = DecisionOn(plan.network.rules, target);
    return decision && (decision->allowed || decision->ask);
  }
  if (!target.port) return !plan.network.host_ports.empty();
  return std::ranges::find(plan.network.host_ports, *target.port) != plan.network.host_ports.end();
}

}  // namespace ambit::plan
