#include "supervise/run.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <optional>

#include "base/text.h"
#include "host/command.h"
#include "host/facts.h"
#include "host/git_config.h"
#include "host/git_project.h"
#include "host/git_refs.h"
#include "host/inside_run.h"
#include "host/secret_files.h"
#include "host/tool_credentials.h"
#include "plan/not_started.h"
#include "plan/plan.h"
#include "plan/plan_json.h"
#include "plan/policy_tests.h"
#include "supervise/processes.h"
#include "supervise/run_user.h"
#include "supervise/supervision.h"
#include "supervise/terminal.h"
#include "supervise/version.h"
#include "sys/file.h"
#include "sys/process.h"
#include "workspace/copied_up.h"
#include "workspace/home_files.h"
#include "workspace/kept_state.h"
#include "workspace/layers.h"
#include "workspace/root_tree.h"
#include "workspace/stamp.h"

namespace ambit::supervise {
namespace {

/// Inside a run started by root the agent has this name and id; several agents refuse uid 0.
constexpr const char* kRootRunUser = "agent";
constexpr uid_t kRootRunUid = 1000;

std::string Find(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found != environment.end() ? found->second : "";
}

std::int64_t NowNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

Result<std::string> StartDirectory(const RunRequest& request) {
  if (!request.directory.empty()) return host::RealPath(request.directory);
  return host::RealPath(".");
}

/// The spelling of the working directory that the user's shell keeps in $PWD.
void KeepSpelling(const std::string& logical, host::HostFacts& facts) {
  if (!logical.starts_with('/') || logical == facts.project.cwd) return;
  const auto real = host::RealPath(logical);
  if (!real || *real != facts.project.cwd) return;
  std::ranges::move(host::LinksOnTheWay(logical), std::back_inserter(facts.aliases));
}

/// Variables that say where things of the person are, for ambit itself.
constexpr std::array<std::string_view, 5> kForAmbit = {"HOME", "PATH", "PWD", "XDG_CONFIG_HOME",
                                                       "XDG_STATE_HOME"};

bool MayCross(std::string_view name, const policy::Policy& policy) {
  return name == "PATH" || plan::IsBaseEnvironment(name) ||
         std::ranges::any_of(policy.environment, [&](const policy::EnvironmentRule& rule) {
           return rule.name == name && !rule.value;
         });
}

Status ReadFacts(const RunRequest& request, host::Person person, host::Project project,
                 host::HostFacts& facts) {
  facts.person = std::move(person);
  facts.project = std::move(project);
  facts.system = host::ReadSystemPaths();
  facts.etc = host::ReadEtcPaths();
  for (const auto& [name, value] : request.environment) {
    if (MayCross(name, request.policy)) facts.environment.emplace(name, value);
  }
  AMBIT_TRY(facts.mount_points, host::ReadMountPoints());
  KeepSpelling(Find(request.environment, "PWD"), facts);
  return {};
}

/// The ids of a run, which are known before anything of the host.
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

plan::Identity Completed(plan::Identity identity, const host::HostFacts& facts) {
  if (identity.started_by_root) {
    identity.disk_uid = facts.project.owner;
    identity.disk_gid = facts.project.group;
  } else {
    identity.user_name = facts.person.name;
  }
  return identity;
}

/// Paths a person names may lead through symlinks or not exist; a plan holds real ones. What they
/// are is left in `facts`.
Status ResolvePaths(std::vector<policy::NamedPath>& paths, host::HostFacts& facts) {
  for (auto& [path, from] : paths) {
    Result<std::string> real = host::RealPath(path);
    struct stat info{};
    if (!real || ::stat(real->c_str(), &info) != 0) {
      return Fail(Errc::kNotFound,
                  fmt::format("{} {}", from, real ? Printable(path) : real.error().what),
                  "name a directory or file that exists");
    }
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
      return Fail(
          Errc::kInvalidArgument,
          fmt::format("{} '{}': neither a directory nor a plain file", from, Printable(path)),
          "sockets, pipes and devices of the host do not exist inside");
    }
    if (path.starts_with('/')) {
      std::ranges::move(host::LinksOnTheWay(path), std::back_inserter(facts.aliases));
    }
    facts.path_ids[*real] = {.device = info.st_dev, .inode = info.st_ino};
    if (S_ISREG(info.st_mode)) facts.plain_files.push_back(*real);
    path = *std::move(real);
  }
  return {};
}

std::vector<policy::NamedPath> ShownPaths(const policy::Policy& policy) {
  std::vector<policy::NamedPath> paths = policy.read_only;
  std::ranges::copy(policy.copy_on_write, std::back_inserter(paths));
  return paths;
}

bool IsAtOrBelow(const std::string& path, const std::string& top) {
  return path == top || path.starts_with(top + "/");
}

/// A link in the project is anybody's who writes there, the agent of an earlier run included: it
/// must not decide what of the host is shown.
Status RefuseWaysOutOfTheProject(const std::vector<policy::NamedPath>& named,
                                 const std::vector<policy::NamedPath>& real,
                                 const std::string& project) {
  for (std::size_t i = 0; i < named.size(); ++i) {
    if (IsAtOrBelow(real[i].path, project)) continue;
    const auto links = host::LinksOnTheWay(std::filesystem::absolute(named[i].path));
    const auto inside = std::ranges::find_if(
        links, [&](const host::SystemPath& link) { return IsAtOrBelow(link.path, project); });
    if (inside == links.end()) continue;
    return Fail(
        Errc::kInvalidArgument,
        fmt::format("{} '{}': the link '{}' in the project leads out of it, to '{}'", named[i].from,
                    Printable(named[i].path), Printable(inside->path), Printable(real[i].path)),
        "whoever can write there would decide what is shown: name the target itself");
  }
  return {};
}

/// Such a socket leads to its one peer and nowhere else. Any other could be connected anew from
/// inside, in the network namespace it was made in: the host's.
bool IsConnectedUnixStream(int fd) {
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return false;
  size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) return false;
  sockaddr_storage peer{};
  size = sizeof peer;
  return domain == AF_UNIX && (type == SOCK_STREAM || type == SOCK_SEQPACKET) &&
         ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
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

/// A standard stream reaches the agent as it is. An open directory would be a door to everything
/// around it that only Landlock keeps shut.
Status RefuseDirectoriesAsStreams() {
  for (int stream = 0; stream <= 2; ++stream) {
    struct stat info{};
    if (::fstat(stream, &info) != 0) return FailErrno(errno, "fstat of a standard stream");
    if (S_ISDIR(info.st_mode)) {
      return Fail(Errc::kInvalidArgument, fmt::format("standard stream {} is a directory", stream),
                  "redirect it from a file, a pipe or /dev/null");
    }
    if (S_ISSOCK(info.st_mode) && !IsConnectedUnixStream(stream)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("standard stream {} is a socket of the host's network", stream),
                  "put it behind a pipe: ... | ambit run -- ... | ...");
    }
  }
  return {};
}

struct PreparedRun {
  workspace::RunDir dir;
  workspace::RootTree root;
  std::string kept;                           // the root of what is kept; empty: nothing is
  std::vector<workspace::LayerStart> layers;  // as the plan's
  std::int64_t clock_offset_ns = 0;
};

Result<PreparedRun> MakeRunDirectory(const std::string& state_root, const plan::LaunchPlan& plan) {
  AMBIT_TRY(workspace::RunStore store, workspace::RunStore::Open(state_root, /*create=*/true));
  AMBIT_TRY(workspace::RunDir run, store.Create());
  // Before the stamps: then a clock set back in between is noticed later.
  const std::int64_t clock_offset_ns = workspace::ClockOffset();
  AMBIT_TRY(auto layers, workspace::PrepareLayers(run.fd.get(), plan));
  AMBIT_CHECK(workspace::WriteHomeFiles(run.fd.get(), plan));
  AMBIT_TRY(std::string kept, workspace::PrepareKept(workspace::KeptBeside(state_root), plan));
  AMBIT_TRY(workspace::RootTree root,
            workspace::FindOrMakeRootTree(workspace::RootsBeside(state_root), plan));
  return PreparedRun{.dir = std::move(run),
                     .root = std::move(root),
                     .kept = std::move(kept),
                     .layers = std::move(layers),
                     .clock_offset_ns = clock_offset_ns};
}

workspace::RunMeta MakeMeta(const plan::LaunchPlan& plan, const host::HostFacts& facts,
                            const std::string& head_commit, const PreparedRun& run) {
  workspace::RunMeta meta;
  meta.id = run.dir.id;
  meta.project = facts.project.root;
  meta.cwd = plan.cwd;
  meta.argv = plan.argv;
  meta.started_ns = NowNanoseconds();
  meta.clock_offset_ns = run.clock_offset_ns;
  meta.head_commit = head_commit;
  meta.user_kind = plan.identity.started_by_root ? "root" : "user";
  meta.flavour = plan.identity.started_by_root ? workspace::OverlayFlavour::kTrusted
                                               : workspace::OverlayFlavour::kUser;
  meta.redirect_dir = plan.identity.started_by_root;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const plan::Layer& layer = plan.layers[i];
    meta.layers.push_back({.name = layer.name,
                           .target = layer.inside,
                           .lower = layer.lower,
                           .upper = "upper/" + layer.name,
                           .work = "work/" + layer.name,
                           .mask = layer.masks.empty() ? "" : "mask/" + layer.name,
                           .lower_device = run.layers[i].device,
                           .lower_inode = run.layers[i].inode,
                           .stamp_ns = run.layers[i].stamp_ns});
  }
  meta.ambit_version = std::string(kVersion);
  return meta;
}

void WarnAboutHome(const host::Person& person, const RunObserver& observer) {
  if (person.home.starts_with("/tmp/")) {
    observer.on_warning(
        fmt::format("the home directory '{}' is below /tmp: some agents refuse "
                    "such a home",
                    Printable(person.home)));
  }
}

/// What is written about one run in its directory.
class RunRecord {
 public:
  RunRecord(const workspace::RunDir& run, workspace::RunMeta meta,
            std::vector<std::string> left_out)
      : run_(run), meta_(std::move(meta)), left_out_(std::move(left_out)) {}

  Result<event::Sink*> Begin(const plan::LaunchPlan& plan, const OpenSink& open_sink,
                             const RunObserver& observer) {
    AMBIT_CHECK(workspace::SetSupervisorToSelf(meta_));
    AMBIT_CHECK(workspace::RunStore::WriteMeta(run_, meta_));
    AMBIT_CHECK(
        sys::WriteNewFile(run_.fd.get(), workspace::kPlanFile, plan::EncodeJson(plan), 0600));
    AMBIT_TRY(sink_, open_sink(run_));
    sink_->Emit({event::kRunPlanned,
                 {{"project", meta_.project},
                  {"argv", meta_.argv},
                  {"started_by", meta_.user_kind},
                  {"version", meta_.ambit_version}}});
    if (!left_out_.empty()) sink_->Emit({event::kPolicyLeftOut, {{"entries", left_out_}}});
    AMBIT_CHECK(sink_->status());
    observer.on_planned(meta_);
    return sink_.get();
  }

  void End(const Outcome& outcome) {
    if (sink_ == nullptr) return;
    RecordCopiedUp();
    sink_->Emit({event::kRunEnded,
                 {{"cause", std::string(NameOf(outcome.cause))},
                  {"exit_code", std::int64_t{outcome.exit_code}},
                  {"detail", outcome.detail}}});
    meta_.finished_ns = NowNanoseconds();
    meta_.outcome = workspace::RunOutcome{.cause = std::string(NameOf(outcome.cause)),
                                          .exit_code = outcome.exit_code};
    status_ = workspace::RunStore::WriteMeta(run_, meta_);
    if (status_) status_ = sink_->status();
  }

  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void RecordCopiedUp() {
    for (const workspace::RunLayer& layer : meta_.layers) {
      const auto found = workspace::FindCopiedUp(workspace::OnDisk(meta_, layer, run_.path));
      if (!found) continue;  // it only explains; `diff` will say why the layer cannot be read
      for (const workspace::CopiedUp& file : *found) {
        sink_->Emit({event::kCopiedUp,
                     {{"layer", layer.name},
                      {"path", file.path},
                      {"bytes", static_cast<std::int64_t>(file.bytes)}}});
      }
    }
  }

  const workspace::RunDir& run_;
  workspace::RunMeta meta_;
  std::vector<std::string> left_out_;
  std::unique_ptr<event::Sink> sink_;
  Status status_;
};

struct Planned {
  plan::LaunchPlan plan;
  host::HostFacts facts;
  std::string state_root;
  std::string head_commit;  // of the project's repository, before anything of the run
};

Result<Planned> MakePlan(const RunRequest& request, const plan::Identity& identity,
                         const RunObserver& observer) {
  Planned planned;
  host::HostFacts& facts = planned.facts;
  policy::Policy policy = request.policy;
  const std::vector<policy::NamedPath> as_named = ShownPaths(policy);
  AMBIT_CHECK(ResolvePaths(policy.read_only, facts));
  AMBIT_CHECK(ResolvePaths(policy.copy_on_write, facts));
  AMBIT_TRY(host::Person person, host::ReadPerson(Find(request.environment, "HOME")));
  WarnAboutHome(person, observer);
  ResolveHome(policy, Find(request.environment, "HOME"), person);
  NotePlainFiles(policy.keep, facts);
  planned.state_root = workspace::RunStore::DefaultRoot(
      person.own_home, Find(request.environment, "XDG_STATE_HOME"));
  facts.state_root = host::ResolveWhatExists(planned.state_root);
  AMBIT_TRY(const std::string start, StartDirectory(request));
  AMBIT_TRY(host::Project project,
            host::FindProject(start, !request.directory.empty(), person, facts.state_root));
  AMBIT_CHECK(RefuseWaysOutOfTheProject(as_named, ShownPaths(policy), project.root));
  if (request.may_begin) AMBIT_CHECK(request.may_begin(planned.state_root, project.root));
  const host::UserIdentity author =
      host::ReadUserIdentity(person.home, Find(request.environment, "XDG_CONFIG_HOME"));
  std::vector<std::string> read_only;
  for (const policy::NamedPath& named : policy.read_only) read_only.push_back(named.path);
  AMBIT_TRY(host::GitProject git, host::InspectGitProject(project.root, read_only));
  AMBIT_TRY(host::SecretFiles secrets,
            host::FindSecretFiles(
                project.root, {.mask = policy.mask, .hide = policy.hide, .unmask = policy.unmask},
                project.around));
  std::vector<std::string> shown;
  for (const policy::NamedPath& named : ShownPaths(policy)) shown.push_back(named.path);
  AMBIT_TRY(std::vector<std::string> credentials, host::FindToolCredentials(person.home, shown));
  planned.head_commit = host::HeadCommitOf(git).value_or("");
  for (const auto& [flag, pattern] : secrets.unmatched) {
    if (std::ranges::find(policy.typed, pattern) == policy.typed.end()) continue;
    observer.on_warning(fmt::format("{} '{}' fits no file of the project (a directory ends in '/')",
                                    flag, Printable(pattern)));
  }
  for (const auto& [flag, pattern, path] : secrets.in_git) {
    observer.on_warning(fmt::format(
        "{} '{}' fits '{}' too, which stays, since git needs it (--hide '{}' leaves it out)", flag,
        Printable(pattern), Printable(path), Printable(path)));
  }
  AMBIT_CHECK(ReadFacts(request, std::move(person), std::move(project), facts));
  AMBIT_TRY(planned.plan, plan::Make(policy, facts,
                                     {.argv = request.argv,
                                      .identity = Completed(identity, facts),
                                      .git = std::move(git),
                                      .secrets = std::move(secrets.files),
                                      .credentials = std::move(credentials),
                                      .author = author}));
  for (const std::string& warning : planned.plan.warnings) observer.on_warning(warning);
  return planned;
}

/// A policy that does not do what it says of itself starts nothing.
Status CheckPolicyTests(const RunRequest& request, const plan::LaunchPlan& plan) {
  const std::vector<std::string> failed = plan::FailedTests(plan, request.policy.tests);
  if (failed.empty()) return {};
  return Fail(Errc::kInvalidArgument, fmt::format("{}", fmt::join(failed, "\nambit: ")),
              "the policy's own tests do not hold, so nothing was started");
}

/// Where the command is on this machine, and how it comes inside.
void ExplainNotStarted(const RunRequest& request, const Planned& planned, Outcome& outcome) {
  if (outcome.cause != Cause::kNotFound && outcome.cause != Cause::kNotExecutable) return;
  const host::CommandFacts command = host::FindCommand(
      request.argv[0], Find(request.environment, "PATH"), planned.facts.project.cwd);
  plan::NotStarted told =
      plan::ExplainNotStarted(planned.plan, planned.facts, command, outcome.sys_errno);
  outcome.detail = std::move(told.what);
  outcome.remedy = std::move(told.remedy);
}

/// Whatever the launcher left open is no business of any process of the run.
Status TidyDescriptors() {
  AMBIT_CHECK(sys::FillStandardStreams());
  AMBIT_CHECK(sys::CloseAllBut({}));
  return RefuseDirectoriesAsStreams();
}

Result<Outcome> PlanAndSupervise(const RunRequest& request, const OpenSink& open_sink,
                                 const RunObserver& observer) {
  if (host::IsInsideRun()) {
    return Fail(Errc::kUnsupported, host::kInsideRun, host::kInsideRunRemedy);
  }
  AMBIT_CHECK(TidyDescriptors());
  std::optional<RunUser> user;
  if (::geteuid() == 0) {
    Result<RunUser> taken = TakeRunUser();
    // A call that does not exist is a matter of the kernel, not of run users: see Run.
    if (!taken && taken.error().sys_errno == ENOSYS) return std::unexpected(taken.error());
    if (!taken) return SetupFailed(host::Primitive::kRunUser, taken.error());
    user = *std::move(taken);
  }
  const StandardStreams streams = InspectStandardStreams();
  AMBIT_TRY(const plan::Foundation foundation,
            plan::MakeFoundation(request.policy, MakeIdentity(user)));
  Processes processes({.foundation = foundation,
                       .user_lock = user ? user->lock.get() : -1,
                       .terminal = streams.AnyTerminal()});

  AMBIT_TRY(const Planned planned, MakePlan(request, foundation.identity, observer));
  const plan::LaunchPlan& plan = planned.plan;
  AMBIT_CHECK(CheckPolicyTests(request, plan));
  const Result<PreparedRun> made = MakeRunDirectory(planned.state_root, plan);
  if (!made) return SetupFailed(host::Primitive::kStateDirectory, made.error());
  const workspace::RunDir& run = made->dir;
  const spawn::native::Places places{.run = run.path, .root = made->root.path, .kept = made->kept};
  workspace::RunMeta meta = MakeMeta(plan, planned.facts, planned.head_commit, *made);
  meta.direct = request.policy.project == policy::ProjectMode::kReadWrite;
  meta.keep = request.keep;
  if (request.policy.auto_exec == policy::AutoExec::kDeny) meta.auto_exec = "deny";
  if (request.policy.auto_exec == policy::AutoExec::kAllow) meta.auto_exec = "allow";
  RunRecord record(run, std::move(meta), request.policy.left_out);
  Outcome outcome =
      Supervise({.plan = plan,
                 .places = places,
                 .processes = processes,
                 .streams = streams,
                 .purpose = request.purpose,
                 .showing = request.showing,
                 .begin_record = [&] { return record.Begin(plan, open_sink, observer); },
                 .end_record = [&](const Outcome& known) { record.End(known); }});
  workspace::MakeScratchRemovable(run.path, plan);
  ExplainNotStarted(request, planned, outcome);
  if (request.purpose == Purpose::kRehearse) observer.on_rehearsed(plan, places, outcome);
  AMBIT_CHECK(record.status());
  return outcome;
}

}  // namespace

Result<plan::LaunchPlan> PlanRun(const RunRequest& request, const RunObserver& observer) {
  std::optional<RunUser> user;
  if (::geteuid() == 0) {
    AMBIT_TRY(user, TakeRunUser());
  }
  AMBIT_TRY(const plan::Foundation foundation,
            plan::MakeFoundation(request.policy, MakeIdentity(user)));
  AMBIT_TRY(Planned planned, MakePlan(request, foundation.identity, observer));
  return std::move(planned.plan);
}

Environment TakeEnvironment(const policy::Policy& policy) {
  Environment taken = host::ReadEnvironment([&](std::string_view name) {
    return std::ranges::find(kForAmbit, name) != kForAmbit.end() || MayCross(name, policy);
  });
  sys::ScrubEnvironment();
  return taken;
}

void GiveBackEnvironment(const Environment& taken) {
  for (const auto& [name, value] : taken) {
    if (std::ranges::find(kForAmbit, name) != kForAmbit.end() || plan::IsBaseEnvironment(name)) {
      ::setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    }
  }
}

Result<Outcome> Run(const RunRequest& request, const OpenSink& open_sink,
                    const RunObserver& observer) {
  Result<Outcome> outcome = PlanAndSupervise(request, open_sink, observer);
  // A call that is missing, or a limit that was reached, while the plan was made: no fault of the
  // request.
  if (!outcome && (outcome.error().sys_errno == ENOSYS ||
                   !host::RemedyForLimit(outcome.error().sys_errno).empty())) {
    return SetupFailed(host::Primitive::kInit, outcome.error());
  }
  return outcome;
}

}  // namespace ambit::supervise
