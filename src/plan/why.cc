#include "plan/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/path.h"
#include "plan/target.h"
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
  const Target target = ParseTarget(host);
  const std::string name(host);
  if (const auto decision = DecisionOn(plan, target); decision && !target.IsLoopback()) {
    if (decision->allowed) {
      return Allowed(name + " can be reached from inside",
                     fmt::format("{} allows it ({}){}", policy::TextOf(*decision->rule),
                                 decision->rule->from, WhereItLeads(plan, target)));
    }
    if (decision->rule != nullptr) {
      return {.refused = true,
              .what = name + " cannot be reached from inside",
              .rule = fmt::format("{} denies it ({})", policy::TextOf(*decision->rule),
                                  decision->rule->from),
              .way = "another policy: deny wins over allow"};
    }
  }
  if (const auto decision = DecisionOn(plan, target); decision && decision->ask) {
    return {.refused = true,
            .what = name + " cannot be reached from inside before a person allows it",
            .rule = "no rule names it, and the policy says to ask (net.ask)",
            .way = fmt::format("ambit approve {}{}", target.host,
                               target.port ? fmt::format(":{}", *target.port) : "")};
  }
  if (CanBeReached(plan, target)) {
    return Allowed(name + " can be reached from inside",
                   target.port ? fmt::format("--host-port {} names it", *target.port)
                               : "--host-port names ports of it");
  }
  if (target.IsLoopback()) {
    return {.refused = true,
            .what = name + " cannot be reached from inside",
            .rule =
                "a run has a loopback of its own: what listens inside is there, and of the "
                "host's the ports that are named",
            .way = target.port ? fmt::format("--host-port {}", *target.port) : "--host-port PORT"};
  }
  const bool web = !target.port || *target.port == 80 || *target.port == 443;
  const bool bare_v6 = target.host.contains(':') && !target.host.starts_with('[');
  const std::string written = bare_v6 ? fmt::format("[{}]", target.host) : std::string(target.host);
  return {.refused = true,
          .what = name + " cannot be reached from inside",
          .rule = plan.network.HasNames()
                      ? "a run reaches only the names that its policy allows, and no rule names it"
                      : "no network: the policy names no host",
          .way = fmt::format("--allow {}{}", written, web ? "" : fmt::format(":{}", *target.port))};
}

}  // namespace ambit::plan
