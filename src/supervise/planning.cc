#include "supervise/planning.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "base/path.h"
#include "base/text.h"
#include "host/cgroup_facts.h"
#include "host/git_config.h"
#include "host/git_project.h"
#include "host/git_refs.h"
#include "host/machine.h"
#include "host/secret_files.h"
#include "host/tool_credentials.h"

namespace ambit::supervise {
namespace {

/// Inside a run started by root the agent has this name and id; several agents refuse uid 0.
constexpr const char* kRootRunUser = "agent";
constexpr uid_t kRootRunUid = 1000;

/// The spelling of the working directory that the user's shell keeps in $PWD.
void KeepSpelling(const std::string& logical, host::HostFacts& facts) {
  if (!logical.starts_with('/') || logical == facts.project.cwd) return;
  const auto real = host::RealPath(logical);
  if (!real || *real != facts.project.cwd) return;
  std::ranges::move(host::LinksOnTheWay(logical), std::back_inserter(facts.aliases));
}

Status ReadFacts(const RunRequest& request, host::HostFacts& facts) {
  facts.system = host::ReadSystemPaths();
  facts.etc = host::ReadEtcPaths();
  for (const auto& [name, value] : request.environment) {
    if (MayCross(name, request.policy) || IsAboutProxies(name))
      facts.environment.emplace(name, value);
  }
  AMBIT_TRY(facts.mount_points, host::ReadMountPoints());
  KeepSpelling(ValueOf(request.environment, "PWD"), facts);
  return {};
}

plan::Identity Completed(plan::Identity identity, const host::HostFacts& facts) {
  if (identity.started_by_root) {
    identity.disk_uid = facts.project.owner;
    identity.disk_gid = facts.project.group;
  } else {
    identity.user_name = facts.person.name;
  }
  return identity;
}

/// All that is wrong with what was named: a person mends it in one go.
class Refusals {
 public:
  void Add(const Status& status) {
    if (!status) errors_.push_back(status.error());
  }
  Status AsOne() const {
    if (errors_.empty()) return {};
    if (errors_.size() == 1) return std::unexpected(errors_.front());
    std::vector<std::string> lines;
    for (const Error& error : errors_) lines.push_back(error.what + "; " + error.remedy);
    return Fail(Errc::kInvalidArgument, fmt::format("{}", fmt::join(lines, "\nambit: ")));
  }

 private:
  std::vector<Error> errors_;
};

/// A link in the project is anybody's who writes there, the agent of an earlier run included: it
/// must not decide what of the host is shown.
Status RefuseWayOutOfTheProject(const policy::NamedPath& named, const std::string& real,
                                const std::string& project) {
  if (IsAtOrBelow(real, project)) return {};
  const auto links = host::LinksOnTheWay(std::filesystem::absolute(named.path));
  const auto inside = std::ranges::find_if(
      links, [&](const host::SystemPath& link) { return IsAtOrBelow(link.path, project); });
  if (inside == links.end()) return {};
  return Fail(
      Errc::kInvalidArgument,
      fmt::format("{} '{}': the link '{}' in the project leads out of it, to '{}'", named.from,
                  Printable(named.path), Printable(inside->path), Printable(real)),
      "whoever can write there would decide what is shown: name the target itself");
}

/// A path that a person names may lead through symlinks or not exist; a plan holds the real one.
/// What it is is left in `facts`.
Status ResolvePath(policy::NamedPath& named, host::HostFacts& facts) {
  auto& [path, from] = named;
  Result<std::string> real = host::RealPath(path);
  struct stat info{};
  if (!real || ::stat(real->c_str(), &info) != 0) {
    return Fail(Errc::kNotFound,
                fmt::format("{} {}", from, real ? Printable(path) : real.error().what),
                "name a directory or file that exists");
  }
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': neither a directory nor a plain file", from, Printable(path)),
                "sockets, pipes and devices of the host do not exist inside");
  }
  AMBIT_CHECK(RefuseWayOutOfTheProject(named, *real, facts.project.root));
  if (path.starts_with('/')) {
    std::ranges::move(host::LinksOnTheWay(path), std::back_inserter(facts.aliases));
  }
  facts.path_ids[*real] = {.device = info.st_dev, .inode = info.st_ino};
  if (S_ISREG(info.st_mode)) facts.plain_files.push_back(*real);
  path = *std::move(real);
  return {};
}

Status ResolvePaths(policy::Policy& policy, host::HostFacts& facts) {
  Refusals refusals;
  for (policy::NamedPath& named : policy.read_only) refusals.Add(ResolvePath(named, facts));
  for (policy::NamedPath& named : policy.copy_on_write) refusals.Add(ResolvePath(named, facts));
  return refusals.AsOne();
}

/// Paths of the home as $HOME spells it are meant in the home that a run has: its real path.
std::string InRealHome(const std::string& path, const std::string& spelled,
                       const host::Person& person) {
  const bool below = !spelled.empty() && path.starts_with(spelled + "/");
  return below ? person.home + path.substr(spelled.size()) : path;
}

void ResolveHome(policy::Policy& policy, const std::string& spelled, const host::Person& person) {
  for (auto& [path, from] : policy.keep) path = InRealHome(path, spelled, person);
  for (policy::SyntheticFile& file : policy.files) {
    file.path = InRealHome(file.path, spelled, person);
  }
}

/// What is a file in the person's own home is one for the agent as well.
void NotePlainFiles(const std::vector<policy::NamedPath>& paths, host::HostFacts& facts) {
  for (const policy::NamedPath& named : paths) {
    struct stat info{};
    if (::stat(named.path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      facts.plain_files.push_back(named.path);
    }
  }
}

void WarnAboutHome(const host::Person& person, const RunObserver& observer) {
  if (person.home.starts_with("/tmp/")) {
    observer.on_warning(
        fmt::format("the home directory '{}' is below /tmp: some agents refuse "
                    "such a home",
                    Printable(person.home)));
  }
}

/// Whether one that fits nothing is a slip here: what was typed, and what is the project's own. The
/// project around a part has its files elsewhere as well.
bool MustFit(const policy::WrittenPattern& written, const RunRequest& request) {
  if (written.source == policy::SourceKind::kFlags) return true;
  if (written.source == policy::SourceKind::kProject) return request.place.project.around.empty();
  return request.tell_every_pattern;
}

void WarnAboutUnmatched(const RunRequest& request,
                        const std::vector<host::UnmatchedPattern>& unmatched,
                        const RunObserver& observer) {
  for (const policy::WrittenPattern& written : request.policy.written) {
    const bool fits_nothing =
        std::ranges::any_of(unmatched, [&](const host::UnmatchedPattern& one) {
          return one.flag == written.flag && one.pattern == written.pattern;
        });
    if (!fits_nothing || !MustFit(written, request)) continue;
    observer.on_warning(fmt::format("{} '{}' fits no file of the project (a directory ends in '/')",
                                    written.from, Printable(written.pattern)));
  }
}

bool IsIoLimited(const policy::Limits& limits) {
  const policy::LimitValue& io = limits.Of(policy::Limit::kIo);
  return io.chosen || io.at_most;
}

}  // namespace

Result<plan::Machine> ReadMachine(const std::string& state_root, bool with_disk) {
  AMBIT_TRY(const host::MachineFacts facts, host::ReadMachine(state_root));
  plan::Machine machine;
  machine.memory = facts.memory;
  machine.processors = facts.processors;
  machine.free_disk = facts.free_disk;
  machine.free_inodes = facts.free_inodes;
  machine.open_files = facts.open_files;
  machine.project_quota = ::geteuid() == 0 && host::HasProjectQuota(state_root);
  AMBIT_TRY(machine.cgroup, host::ReadCgroupFacts());
  // Beside v1 it would hold no limit, and to go into it takes 10 ms (RunCgroup::Doors).
  machine.cgroup.unified.clear();
  if (!with_disk) return machine;
  Result<std::string> disk = host::DiskOf(state_root);
  if (disk) {
    machine.disk = *std::move(disk);
  } else {
    machine.why_no_disk = disk.error().what;
  }
  return machine;
}

plan::Identity MakeIdentity(const std::optional<RunUser>& user) {
  if (!user) {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    return {.started_by_root = false,
            .inside_uid = uid,
            .inside_gid = gid,
            .outside_uid = uid,
            .outside_gid = gid,
            .disk_uid = uid,
            .disk_gid = gid,
            .egress_uid = uid,
            .user_name = {}};
  }
  return {.started_by_root = true,
          .inside_uid = kRootRunUid,
          .inside_gid = kRootRunUid,
          .outside_uid = user->agent,
          .outside_gid = user->agent,
          .others_base = user->others,
          .egress_uid = user->egress,
          .user_name = kRootRunUser};
}

Result<Planned> MakePlan(const RunRequest& request, const plan::Identity& identity,
                         const RunObserver& observer) {
  const auto& [person, runs_root, real_runs_root, project] = request.place;
  Planned planned;
  host::HostFacts& facts = planned.facts;
  facts.person = person;
  facts.project = project;
  facts.state_root = real_runs_root;
  WarnAboutHome(person, observer);
  policy::Policy policy = request.policy;
  AMBIT_CHECK(ResolvePaths(policy, facts));
  ResolveHome(policy, ValueOf(request.environment, "HOME"), person);
  NotePlainFiles(policy.keep, facts);
  if (request.may_begin) AMBIT_CHECK(request.may_begin(runs_root, project.root));
  const host::UserIdentity author =
      host::ReadUserIdentity(person.home, ValueOf(request.environment, "XDG_CONFIG_HOME"));
  std::vector<std::string> read_only;
  for (const policy::NamedPath& named : policy.read_only) read_only.push_back(named.path);
  AMBIT_TRY(host::GitProject git, host::InspectGitProject(project.root, read_only));
  AMBIT_TRY(host::SecretFiles secrets,
            host::FindSecretFiles(
                project.root, {.mask = policy.mask, .hide = policy.hide, .unmask = policy.unmask},
                project.around));
  std::vector<std::string> shown = read_only;
  for (const policy::NamedPath& named : policy.copy_on_write) shown.push_back(named.path);
  AMBIT_TRY(std::vector<std::string> credentials, host::FindToolCredentials(person.home, shown));
  planned.head_commit = host::HeadCommitOf(git).value_or("");
  WarnAboutUnmatched(request, secrets.unmatched, observer);
  for (const auto& [flag, pattern, path] : secrets.in_git) {
    observer.on_warning(fmt::format(
        "{} '{}' fits '{}' too, which stays, since git needs it (--hide '{}' leaves it out)", flag,
        Printable(pattern), Printable(path), Printable(path)));
  }
  AMBIT_CHECK(ReadFacts(request, facts));
  AMBIT_TRY(plan::Machine machine, ReadMachine(facts.state_root, IsIoLimited(policy.limits)));
  AMBIT_TRY(planned.plan, plan::Make(policy, facts,
                                     {.argv = request.argv,
                                      .identity = Completed(identity, facts),
                                      .git = std::move(git),
                                      .secrets = std::move(secrets.files),
                                      .credentials = std::move(credentials),
                                      .author = author,
                                      .machine = std::move(machine)}));
  for (const std::string& warning : planned.plan.warnings) observer.on_warning(warning);
  return planned;
}

}  // namespace ambit::supervise
