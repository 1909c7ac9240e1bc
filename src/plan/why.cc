#include "plan/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/path.h"
#include "plan/target.h"
#include "policy/foreign.h"
#include "policy/net_decision.h"
#include "policy/net_words.h"
#include "policy/private_names.h"

namespace ambit::plan {
namespace {

/// The one that shows what is at `path`: parents come before children.
const Mount* NearestOf(const LaunchPlan& plan, const std::string& path) {
  const Mount* nearest = nullptr;
  for (const Mount& mount : plan.mounts) {
    if (IsAtOrBelow(path, mount.inside)) nearest = &mount;
  }
  return nearest;
}

/// Whether a person can paste it: what is shown is escaped once more, and a word that needs that
/// would be another one for a shell.
bool CanBeTyped(std::string_view path) {
  return std::ranges::all_of(path,
                             [](char c) { return c >= ' ' && c <= '~' && c != '\'' && c != '\\'; });
}

/// A word for a shell; of a path that can be typed.
std::string Quoted(const std::string& path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@:,=%";
  if (path.find_first_not_of(kPlain) == std::string::npos) return path;
  return "'" + path + "'";
}

/// A flag with a path; nothing for one that cannot be typed.
std::string Way(std::string_view flag, const std::string& path, std::string_view after = {}) {
  return CanBeTyped(path) ? fmt::format("{} {}{}", flag, Quoted(path), after) : std::string();
}

Answer Absent(const std::string& path, std::string rule) {
  return {.refused = true,
          .what = path + " of the host does not exist inside",
          .rule = std::move(rule),
          .way = Way("--ro", path, ", or --cow to write to a copy of a directory")};
}

Answer AbsentForGood(const std::string& path, std::string rule) {
  Answer answer = Absent(path, std::move(rule));
  answer.way.clear();
  return answer;
}

Answer Allowed(std::string what, std::string rule) {
  return {.refused = false, .what = std::move(what), .rule = std::move(rule), .way = {}};
}

Answer OfMask(const std::string& path, const Mount& mount, const Mask& mask,
              const std::string& mask_name) {
  if (mask.rule.empty()) {
    return {.refused = true,
            .what = path + " is shown without what it says to git about credentials",
            .rule = "credentials in git's configuration never cross",
            .way = {}};
  }
  Answer answer{.refused = true,
                .what = path + (mask.hidden ? " is hidden" : " is shown with placeholders"),
                .rule = "a secret file: " + mask.rule,
                .way = Way("--unmask", mask.path)};
  if (!mask.hidden && path == mount.inside + "/" + mask.path) {
    answer.shown_in_place = "mask/" + mask_name + "/" + mask.path;
  }
  return answer;
}

std::optional<Answer> OfMasks(const std::string& path, const Mount& mount,
                              const std::vector<Mask>& masks, const std::string& mask_name) {
  for (const Mask& mask : masks) {
    if (IsAtOrBelow(path, mount.inside + "/" + mask.path)) {
      return OfMask(path, mount, mask, mask_name);
    }
  }
  return std::nullopt;
}

bool IsOfSystem(const Mount& mount) { return !mount.owned && mount.host == mount.inside; }

Answer OfBind(const std::string& path, const Mount& mount) {
  if (auto masked = OfMasks(path, mount, mount.masks, kViewMask)) return *std::move(masked);
  if (mount.device && mount.host != mount.inside) {
    return {.refused = true,
            .what = path + " is empty inside",
            .rule = "credentials that git's configuration names never cross",
            .way = {}};
  }
  if (mount.device) return Allowed(path + " is the machine's own device", "every run has it");
  if (!mount.read_only) {
    return Allowed(path + " is the host's own, to read and write",
                   "the project is shown with --project rw");
  }
  if (IsOfSystem(mount)) {
    return {.refused = true,
            .what = path + " can be read inside, and not written",
            .rule = mount.inside + " is a system path: read-only in every run",
            .way = {}};
  }
  return {.refused = true,
          .what = path + " can be read inside, and not written",
          .rule = mount.inside + " is shown read-only",
          .way = mount.directory ? Way("--cow", mount.inside) : ""};
}

Answer OfLayer(const LaunchPlan& plan, const std::string& path, const Mount& mount) {
  const Layer& layer = plan.layers.at(mount.layer);
  if (auto masked = OfMasks(path, mount, layer.masks, layer.name)) return *std::move(masked);
  return Allowed(path + " can be read and written inside",
                 "writes stay in the run's layer: the host's file changes by 'ambit apply' alone");
}

/// A name below /proc that is covered, or that cannot be written.
Answer OfProc(const LaunchPlan& plan, const std::string& path) {
  constexpr std::string_view kProc = "/proc/";
  const auto covers = [&](const std::string& name) {
    return IsAtOrBelow(path, std::string(kProc) + name);
  };
  if (std::ranges::any_of(plan.proc_masked, covers)) {
    return {.refused = true,
            .what = path + " is empty inside",
            .rule = "it is about the whole machine",
            .way = {}};
  }
  if (std::ranges::any_of(plan.proc_read_only, covers)) {
    return {.refused = true,
            .what = path + " can be read inside, and not written",
            .rule = "it is about the whole machine",
            .way = {}};
  }
  return Allowed(path + " is the run's own", "/proc shows the run's processes and no others");
}

/// What no mount shows.
Answer OfRoot(const LaunchPlan& plan, const std::string& path) {
  constexpr std::array<std::string_view, 2> kNever = {"/sys", "/dev"};
  const auto made = std::ranges::find(plan.root, path, &RootEntry::path);
  if (made != plan.root.end()) {
    return {.refused = true,
            .what = path +
                    " is made by ambit for the run; the host's is not shown, and it cannot "
                    "be written",
            .rule = "the root is built from nothing",
            .way = {}};
  }
  if (IsAtOrBelow(path, "/etc")) {
    return AbsentForGood(path,
                         "of /etc a run has what programs need to find their way, and no "
                         "more");
  }
  for (const std::string_view top : kNever) {
    if (IsAtOrBelow(path, top)) {
      return AbsentForGood(path, fmt::format("a run has no {} of the host's", top));
    }
  }
  return Absent(path, "the root is built from nothing, and nothing names it");
}

/// Of a name that the policy calls private.
std::string WhereItLeads(const LaunchPlan& plan, const Target& target) {
  const auto host = HostName::Parse(target.host);
  if (!host) return {};
  const policy::Privacy privacy = policy::PrivacyOf(plan.network.rules, *host);
  if (privacy.by == nullptr) return {};
  if (privacy.leads_to.empty()) {
    return fmt::format(", and it may lead to private addresses ({})", privacy.by->from);
  }
  std::string addresses;
  for (const policy::AddressBytes& address : privacy.leads_to) {
    addresses += (addresses.empty() ? "" : ", ") + policy::TextOf(address);
  }
  return fmt::format(", and it leads to {} ({})", addresses, privacy.by->from);
}

Answer Denied(const std::string& name, const policy::NetRule& rule) {
  return {.refused = true,
          .what = name + " cannot be reached from inside",
          .rule = fmt::format("{} denies it ({})", policy::TextOf(rule), rule.from),
          .way = "another policy: deny wins over allow"};
}

/// Whether the rule alone allows all of `wanted`: a range means no private networks in it but its
/// own.
bool AllowsAllOf(const policy::NetRule& rule, const policy::NetRule& wanted) {
  if (!policy::Covers(rule, wanted)) return false;
  return !wanted.range || rule.range == wanted.range ||
         policy::Means(*rule.range, wanted.range->first);
}

/// Of all of a range, or of all names below one.
Answer WhyAllOf(const LaunchPlan& plan, const policy::NetRule& wanted) {
  const policy::NetRules& rules = plan.network.rules;
  const std::string name = policy::TextOf(wanted);
  for (const policy::NetRule& denied : rules.deny) {
    if (policy::DeniesAllOf(denied, wanted)) return Denied(name, denied);
  }
  for (const policy::NetRule& rule : rules.allow) {
    if (!AllowsAllOf(rule, wanted)) continue;
    std::string why = fmt::format("{} allows it ({})", policy::TextOf(rule), rule.from);
    for (const policy::NetRule& denied : policy::DeniedWithin(rules, std::span(&wanted, 1))) {
      why += fmt::format(", but {} denies a part of it ({})", policy::TextOf(denied), denied.from);
    }
    return Allowed(name + " can be reached from inside", why);
  }
  return {.refused = true,
          .what = name + " cannot be reached from inside",
          .rule = plan.network.HasNames()
                      ? "a run reaches only the names that its policy allows, and no rule names "
                        "all of it"
                      : "no network: the policy names no host",
          .way = "--allow " + name};
}

Answer OfLoopback(const LaunchPlan& plan, const Target& target, const std::string& name) {
  if (CanBeReached(plan, target)) {
    return Allowed(name + " can be reached from inside",
                   target.port ? fmt::format("--host-port {} names it", *target.port)
                               : "--host-port names ports of it");
  }
  return {.refused = true,
          .what = name + " cannot be reached from inside",
          .rule =
              "a run has a loopback of its own: what listens inside is there, and of the "
              "host's the ports that are named",
          .way = target.port ? fmt::format("--host-port {}", *target.port) : "--host-port PORT"};
}

std::string WhyNotNamed(const LaunchPlan& plan, const Target& target) {
  const auto rule = RuleOf(target);
  if (!rule || !rule->range) return std::string(policy::kNoRuleNamesIt);
  return policy::WhyUnnamed(plan.network.rules, rule->range->first, target.port);
}

/// As it would be written in a rule.
std::string RuleText(const Target& target, std::optional<std::uint16_t> port) {
  auto rule = RuleOf(target);
  if (!rule) return std::string(target.host);
  rule->port = port;
  return policy::TextOf(*rule);
}

/// Whatever a rule names: no flag would allow it.
bool IsNeverReached(const Target& target) {
  const auto rule = RuleOf(target);
  return rule && rule->range && policy::ReachOf(rule->range->first) == policy::Reach::kMetadata;
}

}  // namespace

Answer WhyPath(const LaunchPlan& plan, const std::string& path) {
  const Mount* mount = NearestOf(plan, path);
  if (mount == nullptr) return OfRoot(plan, path);
  switch (mount->kind) {
    case Mount::Kind::kBind:
      return OfBind(path, *mount);
    case Mount::Kind::kLayer:
      return OfLayer(plan, path, *mount);
    case Mount::Kind::kProc:
      return OfProc(plan, path);
    case Mount::Kind::kHome:
      if (path == mount->inside) break;
      return Absent(path, "the home is the run's own and empty: the host's is not shown");
    case Mount::Kind::kTmpfs:
      if (path == mount->inside) break;
      return Absent(path, mount->inside + " is the run's own and empty: the host's is not shown");
    case Mount::Kind::kKept:
      return Allowed(path + " is kept from run to run of this project",
                     "the host's own is not shown");
    case Mount::Kind::kDenials:
      return Allowed(path + " tells the agent what was refused", "it can be read in every run");
    case Mount::Kind::kDevpts:
      break;
  }
  return Allowed(path + " is the run's own, to read and write", "the host's is not shown");
}

Answer WhyHost(const LaunchPlan& plan, std::string_view host) {
  if (const auto wanted = policy::ReadTarget(host, {}); wanted && IsOfMany(*wanted)) {
    return WhyAllOf(plan, *wanted);
  }
  const Target target = ParseTarget(host);
  const std::string name(host);
  if (target.IsLoopback()) return OfLoopback(plan, target, name);
  const auto decision = DecisionOn(plan.network.rules, target);
  if (decision && decision->allowed) {
    return Allowed(name + " can be reached from inside",
                   fmt::format("{} allows it ({}){}", policy::TextOf(*decision->rule),
                               decision->rule->from, WhereItLeads(plan, target)));
  }
  if (decision && decision->rule != nullptr) return Denied(name, *decision->rule);
  const bool never = IsNeverReached(target);
  if (decision && decision->ask && !never) {
    return {.refused = true,
            .what = name + " cannot be reached from inside before a person allows it",
            .rule = WhyNotNamed(plan, target) + ", and the policy says to ask (net.ask)",
            .way = "ambit approve " + RuleText(target, target.port)};
  }
  const bool web = target.port == 80 || target.port == 443;
  return {.refused = true,
          .what = name + " cannot be reached from inside",
          .rule = plan.network.HasNames()
                      ? "a run reaches only the names that its policy allows, and " +
                            WhyNotNamed(plan, target)
                      : "no network: the policy names no host",
          .way = never ? "" : "--allow " + RuleText(target, web ? std::nullopt : target.port)};
}

}  // namespace ambit::plan
