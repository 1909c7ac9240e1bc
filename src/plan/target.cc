#include "plan/target.h"

#include <algorithm>
#include <charconv>

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

std::optional<policy::NetDecision> DecisionOn(const LaunchPlan& plan, const Target& target) {
  constexpr std::uint16_t kHttps = 443;
  const policy::NetRules& rules = plan.network.rules;
  if (const auto name = HostName::Parse(target.host)) {
    return target.port ? policy::Decide(rules, *name, *target.port)
                       : policy::DecideName(rules, *name);
  }
  // The one reader of addresses is that of rules.
  const bool v6 = target.host.contains(':') && !target.host.starts_with('[');
  const std::string text = v6 ? "[" + std::string(target.host) + "]" : std::string(target.host);
  const auto rule = policy::ParseNetRule(text, {});
  if (!rule || !rule->range) return std::nullopt;
  return policy::Decide(rules, rule->range->first, target.port.value_or(kHttps));
}

bool CanBeReached(const LaunchPlan& plan, const Target& target) {
  if (!target.IsLoopback()) {
    const auto decision = DecisionOn(plan, target);
    return decision && (decision->allowed || decision->ask);
  }
  if (!target.port) return !plan.network.host_ports.empty();
  return std::ranges::find(plan.network.host_ports, *target.port) != plan.network.host_ports.end();
}

}  // namespace ambit::plan
