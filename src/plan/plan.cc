#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <ranges>

#include "base/text.h"
#include "host/inside_run.h"
#include "plan/environment.h"
#include "plan/home_content.h"
#include "plan/mounts.h"
#include "plan/root_entries.h"
#include "policy/private_names.h"

namespace ambit::plan {
namespace {

/// The mounts of the host go to init in one message of descriptors (SCM_MAX_FD is 253).
constexpr std::size_t kMaxMounts = 250;

/// An overlay cannot have a file system mounted in its lower tree: for a user the kernel refuses
/// it, for root what is mounted there would silently be missing.
Status RefuseSubmounts(const std::vector<Layer>& layers,
                       const std::vector<std::string>& mount_points) {
  for (const Layer& layer : layers) {
    const auto below = std::ranges::find_if(mount_points, [&](const std::string& point) {
      return point.starts_with(layer.lower + "/");
    });
    if (below == mount_points.end()) continue;
    const bool is_project = layer.name == kProjectLayer;
    return Fail(
        Errc::kInvalidArgument,
        fmt::format("{} '{}': another file system is mounted at '{}' and cannot be shown "
                    "copy-on-write",
                    is_project ? "project" : "--cow", Printable(layer.lower), Printable(*below)),
        is_project ? "unmount it, run in a directory without it, or use --project ro"
                   : "unmount it, or show the directory with --ro");
  }
  return {};
}

Status RefuseFilesAsLayers(const policy::Policy& policy, const host::HostFacts& facts) {
  for (const auto& [path, from] : policy.copy_on_write) {
    if (std::ranges::find(facts.plain_files, path) == facts.plain_files.end()) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': not a directory", from, Printable(path)),
                "show the file with --ro, or its directory with --cow");
  }
  return {};
}

/// Only an overlay can show a file with other content than the host's.
Status RefuseVisibleSecrets(const std::vector<Mount>& mounts) {
  const auto plain = std::ranges::find_if(
      mounts, [](const Mount& mount) { return !mount.masks.empty() && !mount.without_sockets; });
  if (plain == mounts.end()) return {};
  const Mask& first = plain->masks.front();
  const bool of_git = first.path.starts_with(".git/");
  return Fail(
      Errc::kInvalidArgument,
      fmt::format("'{}/{}' holds {} and would be shown as it is: {}", Printable(plain->inside),
                  Printable(first.path), of_git ? "credentials" : "secrets",
                  WritesToHost(*plain) ? "--project rw gives the host's own files"
                                       : "another file system is mounted below the project"),
      of_git ? "use --project cow, which takes them out of the view, or remove them"
             : fmt::format("use --project cow, or show it on purpose with --unmask '{}'",
                           Printable(first.path)));
}

/// A second view of the project, or of a part of it, has no masks.
Status RefuseSecretsBelow(const std::vector<policy::NamedPath>& paths,
                          const std::vector<host::MaskedFile>& masked) {
  for (const host::MaskedFile& file : masked) {
    const std::string secret = file.layer + "/" + file.path;
    const auto shown = std::ranges::find_if(paths, [&](const policy::NamedPath& named) {
      const std::string& path = named.path;
      const bool inside = path == file.layer || path.starts_with(file.layer + "/");
      return inside && (secret == path || secret.starts_with(path + "/"));
    });
    if (shown == paths.end()) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': '{}' holds secrets and would be shown as it is", shown->from,
                            Printable(shown->path), Printable(secret)),
                fmt::format("leave that out, or show the file on purpose with --unmask '{}'",
                            Printable(file.path)));
  }
  return {};
}

/// With a home come its credentials, and nobody means them.
Status RefuseTheHome(const std::vector<policy::NamedPath>& paths, const host::HostFacts& facts) {
  for (const auto& [path, from] : paths) {
    if (facts.person.home != path && !facts.person.home.starts_with(path + "/")) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': it is or contains your home directory, with every credential "
                            "in it",
                            from, Printable(path)),
                "name directories below it");
  }
  return {};
}

/// Ambit's own record must not be content of a run.
Status RefuseStateBelow(const std::vector<policy::NamedPath>& paths, const host::HostFacts& facts) {
  for (const auto& [path, from] : paths) {
    if (facts.state_root != path && !facts.state_root.starts_with(path + "/")) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': it contains ambit's own state directory '{}'", from,
                            Printable(path), Printable(facts.state_root)),
                "name directories below it, or set XDG_STATE_HOME to a place outside of it");
  }
  return {};
}

/// As root only the project's own file system is translated: in another one the agent would be
/// nobody, and leave files of nobody.
Status RefuseSubmountsOfWritable(const std::vector<Mount>& mounts,
                                 const std::vector<std::string>& mount_points) {
  for (const Mount& mount : mounts) {
    if (!WritesToHost(mount)) continue;
    const auto below = std::ranges::find_if(mount_points, [&](const std::string& point) {
      return point.starts_with(mount.host + "/");
    });
    if (below == mount_points.end()) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("project '{}': another file system is mounted at '{}' and cannot be "
                            "given to write",
                            Printable(mount.host), Printable(*below)),
                "unmount it, run in a directory without it, or use --project ro");
  }
  return {};
}

/// What holds less than it usually does because of what was asked for.
std::vector<std::string> MakeWarnings(const std::vector<Mount>& mounts) {
  std::vector<std::string> warnings;
  for (const Mount& mount : mounts) {
    if (WritesToHost(mount)) {
      warnings.push_back(
          fmt::format("Unix sockets of the host in '{}' can be reached", Printable(mount.inside)));
      continue;
    }
    if (!mount.owned || !mount.directory || mount.without_sockets) continue;
    warnings.push_back(
        fmt::format("another file system is mounted below '{}': Unix sockets of the "
                    "host in it can be reached",
                    Printable(mount.inside)));
  }
  return warnings;
}

/// A private name allows nothing by itself.
void TellOfUnreached(const policy::NetRules& rules, std::vector<std::string>& warnings) {
  for (const policy::PrivateName& name : rules.private_names) {
    if (policy::IsAllowedAtAll(rules, name)) continue;
    warnings.push_back(
        fmt::format("{} {}: no rule allows it, so it is not reached: add --allow {}{}", name.from,
                    policy::TextOf(name), name.below ? "*." : "", name.name->text()));
  }
}

/// What is spoken with an address that a program dials by itself nobody compares with a name.
void TellOfAllAddresses(const policy::NetRules& rules, std::vector<std::string>& warnings) {
  for (const policy::NetRule& rule : rules.allow) {
    if (!policy::IsOfAllAddresses(rule)) continue;
    warnings.push_back(
        fmt::format("{} {}: every public {}address may be dialled on {}, whatever is spoken there",
                    rule.from, policy::TextOf(rule), policy::IsV4(rule.range->first) ? "IPv4 " : "",
                    rule.port ? fmt::format("port {}", *rule.port) : "ports 80 and 443"));
  }
}

/// Credentials of git first: a pattern that means such a file as well changes nothing about it.
std::vector<host::MaskedFile> MaskedFiles(const Request& request) {
  std::vector<host::MaskedFile> files = request.git.masked_files;
  for (const host::MaskedFile& secret : request.secrets) {
    const bool known = std::ranges::any_of(request.git.masked_files, [&](const auto& file) {
      return file.layer == secret.layer && file.path == secret.path;
    });
    if (!known) files.push_back(secret);
  }
  return files;
}

/// Told each time: an agent that sees an empty value should not be a riddle.
std::string TellOfSecrets(const std::vector<host::MaskedFile>& secrets) {
  constexpr std::size_t kNamed = 4;
  std::string text;
  for (const host::MaskedFile& file : secrets | std::views::take(kNamed)) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", Printable(file.path),
                        file.hidden ? "hidden" : "with placeholders");
  }
  if (secrets.size() > kNamed) text += fmt::format(" and {} more", secrets.size() - kNamed);
  return fmt::format("secret files: {} (--unmask NAME shows one as it is)", text);
}

/// What a run leaves there the next one finds, whoever wrote it.
std::string TellOfKept(const std::vector<Kept>& kept) {
  std::string text;
  for (const Kept& directory : kept) {
    text += fmt::format("{}~/{}", text.empty() ? "" : ", ", Printable(directory.place));
  }
  return "kept from run to run of this project: " + text;
}

Status RefuseForeignGitPointers(const host::GitProject& git) {
  if (git.refused.empty()) return {};
  const host::RefusedPointer& first = git.refused.front();
  const std::string target =
      first.target.empty() ? "" : fmt::format(" points to '{}'", Printable(first.target));
  return Fail(Errc::kDenied, fmt::format("'{}'{}: {}", Printable(first.file), target, first.reason),
              first.flag.empty()
                  ? "repair or remove the file, or name another directory with -C DIR"
                  : fmt::format("allow it with {}", Printable(first.flag)));
}

}  // namespace

bool WritesToHost(const Mount& mount) {
  return mount.kind == Mount::Kind::kBind && !mount.read_only && !mount.device;
}

bool Outlives(const Mount& mount) {
  return WritesToHost(mount) || mount.kind == Mount::Kind::kKept;
}

bool LiesBelowAMount(const LaunchPlan& plan, const std::string& path) {
  return std::ranges::any_of(plan.mounts, [&](const Mount& mount) {
    return path.size() > mount.inside.size() && path.starts_with(mount.inside) &&
           path[mount.inside.size()] == '/';
  });
}

Result<Foundation> MakeFoundation(const policy::Policy& policy, const Identity& identity,
                                  const std::map<std::string, std::string>& environment) {
  AMBIT_CHECK(policy::Validate(policy));
  Foundation foundation{.identity = identity, .hostname = host::kHostnameInside, .network = {}};
  foundation.network.host_ports = policy.host_ports;
  foundation.network.publish = policy.publish;
  foundation.network.most_publish = policy.most_publish;
  foundation.network.rules = policy.net;
  if (foundation.network.HasNames()) {
    AMBIT_TRY(foundation.network.proxy, ProxyOf(environment));
  }
  foundation.most_out = WantedNetOut(policy.limits);
  foundation.network.capture = policy.capture;
  AMBIT_CHECK(Validate(foundation.network));
  return foundation;
}

Foundation FoundationOf(const LaunchPlan& plan) {
  return {.identity = plan.identity,
          .hostname = plan.hostname,
          .network = plan.network,
          .most_out = plan.limits.ValueOf(policy::Limit::kNetOut)};
}

Result<LaunchPlan> Make(const policy::Policy& policy, const host::HostFacts& facts,
                        const Request& request) {
  AMBIT_TRY(Foundation foundation, MakeFoundation(policy, request.identity, facts.environment));
  if (request.argv.empty() || request.argv[0].empty()) {
    return Fail(Errc::kInvalidArgument, "no command given", "ambit run -- COMMAND [ARGUMENT...]");
  }
  AMBIT_CHECK(RefuseFilesAsLayers(policy, facts));
  AMBIT_CHECK(RefuseTheHome(policy.copy_on_write, facts));
  AMBIT_CHECK(RefuseTheHome(policy.read_only, facts));
  AMBIT_CHECK(RefuseStateBelow(policy.copy_on_write, facts));
  AMBIT_CHECK(RefuseStateBelow(policy.read_only, facts));
  AMBIT_CHECK(RefuseForeignGitPointers(request.git));
  LaunchPlan plan;
  plan.identity = request.identity;
  plan.hostname = std::move(foundation.hostname);
  plan.network = std::move(foundation.network);
  AMBIT_TRY(plan.limits,
            DecideLimits(policy.limits, request.machine, request.identity.started_by_root));
  plan.audit_files = policy.audit_files;
  plan.root = MakeRootEntries(facts, request.identity, plan.hostname, request.author,
                              plan.network.HasNames());
  const std::vector<host::MaskedFile> masked = MaskedFiles(request);
  AMBIT_CHECK(RefuseSecretsBelow(policy.copy_on_write, masked));
  AMBIT_CHECK(RefuseSecretsBelow(policy.read_only, masked));
  plan.layers = MakeLayers(policy, facts, request.git, masked);
  AMBIT_CHECK(RefuseSubmounts(plan.layers, facts.mount_points));
  AMBIT_TRY(plan.kept, MakeKept(policy, facts));
  plan.mounts = MakeMounts(policy, facts, plan.layers, masked, plan.kept, request.credentials);
  AMBIT_CHECK(RefuseVisibleSecrets(plan.mounts));
  AMBIT_CHECK(RefuseSubmountsOfWritable(plan.mounts, facts.mount_points));
  std::ranges::move(MakeAliases(facts, plan.mounts, AliasPlace::kRoot),
                    std::back_inserter(plan.root));
  plan.aliases = MakeAliases(facts, plan.mounts, AliasPlace::kMount);
  AMBIT_CHECK(AddHomeContent(policy, facts, plan));
  if (plan.mounts.size() > kMaxMounts) {
    return Fail(Errc::kLimit,
                fmt::format("{} mounts, at most {} can be made", plan.mounts.size(), kMaxMounts),
                "name fewer paths");
  }
  // Knobs and views of the whole machine in an otherwise own /proc.
  plan.proc_masked = {"acpi",          "asound",      "kcore", "key-users",     "keys",      "kmsg",
                      "latency_stats", "sched_debug", "scsi",  "sysrq-trigger", "timer_list"};
  plan.proc_read_only = {"bus", "fs", "irq", "sys"};
  plan.landlock = MakeLandlockRules(plan.mounts);
  plan.warnings = MakeWarnings(plan.mounts);
  TellOfUnreached(plan.network.rules, plan.warnings);
  TellOfAllAddresses(plan.network.rules, plan.warnings);
  if (!plan.kept.empty()) plan.warnings.push_back(TellOfKept(plan.kept));
  if (!request.secrets.empty()) plan.warnings.push_back(TellOfSecrets(request.secrets));
  plan.cwd = facts.project.cwd;
  plan.argv = request.argv;
  plan.path_entries = MakePathEntries(facts, plan.mounts);
  plan.environment = MakeEnvironment(policy, facts, request.identity, plan.path_entries);
  return plan;
}

}  // namespace ambit::plan
