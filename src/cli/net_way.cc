#include "cli/net_way.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/approved_rules.h"
#include "cli/effective_policy.h"
#include "cli/runs.h"
#include "policy/net_decision.h"
#include "policy/net_words.h"

namespace ambit::cli {
namespace {

constexpr std::string_view kAllow = "--allow ";
constexpr std::string_view kApprove = "ambit approve ";

/// The rule that `way` names first, and what is behind it.
struct Named {
  policy::NetRule rule;
  std::string behind;
};

std::optional<Named> NamedIn(std::string_view way) {
  if (!way.starts_with(kAllow) && !way.starts_with(kApprove)) return std::nullopt;
  way.remove_prefix(way.starts_with(kAllow) ? kAllow.size() : kApprove.size());
  const std::string_view text = way.substr(0, way.find(' '));
  auto rule = policy::ParseNetRule(text, {});
  if (!rule) return std::nullopt;
  return Named{.rule = *std::move(rule), .behind = std::string(way.substr(text.size()))};
}

/// Without a port where the rule means it all the same.
std::string ShortTextOf(policy::NetRule rule) {
  const bool web = rule.port && std::ranges::find(policy::kWebPorts, *rule.port) !=
                                    std::ranges::end(policy::kWebPorts);
  if (web && !rule.raw) rule.port.reset();
  return policy::TextOf(rule);
}

/// Of a rule in a file: "config.toml:3:9: net.deny" is "config.toml:3:9".
std::string PlaceOf(const std::string& from) { return from.substr(0, from.rfind(": ")); }

/// What the managed policy allows at most; nullopt: it does not say.
std::optional<std::vector<policy::NetRule>> MostNow(const workspace::RunMeta& meta) {
  auto effective = ReadPolicyHere(PolicyFlags(meta.project),
                                  meta.argv.empty() ? "" : meta.argv.front(), TrustIn::kRecord);
  if (!effective) return std::nullopt;
  return std::move(effective->policy.net.most);
}

}  // namespace

NetWay::NetWay(const workspace::RunMeta& meta, const plan::NetworkPlan& network,
               const host::Person& person)
    : meta_(meta),
      network_(network),
      person_(person),
      goes_on_(workspace::IsAlive(meta)),
      most_(MostNow(meta)) {}

void NetWay::Mend(const plan::Target& target, plan::Answer& answer) const {
  if (!answer.refused) return;
  const auto decision = plan::DecisionOn(network_.rules, target);
  if (decision && decision->rule != nullptr && !decision->allowed) {
    answer.way = WayPast(*decision->rule, target);
    if (!answer.way.starts_with(kAllow)) return;
  }
  if (const auto named = NamedIn(answer.way)) AllowBy(named->rule, named->behind, answer);
}

/// What takes the rule back, or away. Empty: nothing that is the person's to do.
std::string NetWay::WayPast(const policy::NetRule& denied, const plan::Target& target) const {
  const std::string rule = policy::TextOf(denied);
  const std::string& from = denied.from;
  const bool in_run = from == kDeniedInRun;
  const bool in_project = from == kDeniedInProject;
  const bool always = from == kDeniedAlways;
  if (goes_on_ && (in_run || in_project || always)) {
    const std::string_view scope = always ? "--always " : in_project ? "--project " : "";
    return fmt::format("ambit approve {}{} {}, which takes that denial back", scope, meta_.id,
                       rule);
  }
  if (in_run) {  // it has ended with the run
    const auto wanted = plan::RuleOf(target);
    if (!wanted) return {};
    policy::NetRule with_port = *wanted;
    with_port.port = target.port;
    return std::string(kAllow) + ShortTextOf(std::move(with_port));
  }
  if (from == "--deny") return fmt::format("a run without --deny {}", rule);
  if (from.starts_with(std::string(kManagedPolicy) + ":")) return {};
  if (in_project || always) {
    return fmt::format("take '{}' out of {}", rule,
                       always ? ApprovedAlwaysPath(person_)
                              : ApprovedInProjectPath(RunsRootOf(person_), meta_.project));
  }
  return fmt::format("take '{}' out of {}", rule, PlaceOf(from));
}

/// In this run where it still can be, and in later ones.
void NetWay::AllowBy(const policy::NetRule& rule, std::string_view behind,
                     plan::Answer& answer) const {
  const bool within = !most_ || std::ranges::any_of(*most_, [&](const policy::NetRule& bound) {
    return policy::Covers(bound, rule);
  });
  if (!within) {
    answer.way.clear();
    answer.rule += ", and the managed policy does not allow it";
    return;
  }
  const std::string later = std::string(kAllow) + ShortTextOf(rule);
  answer.way = !behind.empty() || !CanBeApproved(rule)
                   ? later + std::string(behind)
                   : fmt::format("{}{} {} now, {} in later runs", kApprove, meta_.id,
                                 policy::TextOf(rule), later);
}

/// Whether it would be of use: what was built when the run began stays as it is.
bool NetWay::CanBeApproved(const policy::NetRule& rule) const {
  if (!goes_on_ || !network_.HasNames() || !policy::MayGrant(network_.rules, rule)) return false;
  if (network_.CapturesEveryPort()) return true;
  const auto open = policy::PortsOf(network_.rules);
  const auto wanted = policy::PortsOf({.allow = {rule}, .deny = {}});
  return std::ranges::all_of(
      wanted, [&](std::uint16_t port) { return std::ranges::find(open, port) != open.end(); });
}

}  // namespace ambit::cli
