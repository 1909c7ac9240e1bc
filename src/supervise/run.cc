#include "supervise/run.h"

#include <errno.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "host/cgroup_facts.h"
#include "host/command.h"
#include "host/inside_run.h"
#include "plan/not_started.h"
#include "plan/policy_tests.h"
#include "supervise/inherited.h"
#include "supervise/planning.h"
#include "supervise/probe.h"
#include "supervise/processes.h"
#include "supervise/publish.h"
#include "supervise/run_record.h"
#include "supervise/run_user.h"
#include "supervise/supervision.h"
#include "supervise/terminal.h"
#include "workspace/backing.h"
#include "workspace/layers.h"
#include "workspace/project_quota.h"
#include "workspace/run_store.h"

namespace ambit::supervise {
namespace {

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
      request.argv[0], ValueOf(request.environment, "PATH"), planned.facts.project.cwd);
  plan::NotStarted told =
      plan::ExplainNotStarted(planned.plan, planned.facts, command, outcome.sys_errno);
  outcome.detail = std::move(told.what);
  outcome.remedy = std::move(told.remedy);
}

/// Before anything starts: as ExplainNotStarted would tell it. A command counts as found when it is
/// there in PATH as it is inside, which is not the person's.
std::optional<plan::NotStarted> WhyNotStarted(const RunRequest& request, const Planned& planned) {
  const std::string& cwd = planned.facts.project.cwd;
  const std::string inside = fmt::format("{}", fmt::join(planned.plan.path_entries, ":"));
  if (plan::WouldStart(planned.plan, host::FindCommand(request.argv[0], inside, cwd))) return {};
  const host::CommandFacts command =
      host::FindCommand(request.argv[0], ValueOf(request.environment, "PATH"), cwd);
  const bool not_executable = command.file && !command.file->executable;
  return plan::ExplainNotStarted(planned.plan, planned.facts, command,
                                 not_executable ? EACCES : ENOENT);
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
  AMBIT_TRY(plan::Foundation foundation,
            plan::MakeFoundation(request.policy, MakeIdentity(user), request.environment));
  if (foundation.network.proxy && !request.proxy_login) {
    return std::unexpected(request.proxy_login.error());
  }
  AMBIT_TRY(auto published, ListenFor(foundation.network.publish));
  foundation.network.publish = PortsOf(published);
  AMBIT_TRY(const std::string id, workspace::NewRunId());
  AMBIT_TRY(const host::CgroupFacts cgroups, host::ReadCgroupFacts());
  Processes processes({.foundation = foundation,
                       .user_lock = user ? user->lock.get() : -1,
                       .terminal = streams.AnyTerminal(),
                       .cgroup = RunCgroup::MakeAhead(cgroups, id),
                       .published = std::move(published)});

  AMBIT_TRY(Planned planned, MakePlan(request, foundation.identity, observer));
  planned.plan.network = foundation.network;
  const plan::LaunchPlan& plan = planned.plan;
  AMBIT_CHECK(CheckPolicyTests(request, plan));
  const Result<PreparedRun> made = MakeRunDirectory(request.place.runs_root, id, plan);
  if (!made) return SetupFailed(host::Primitive::kStateDirectory, made.error());
  const workspace::RunDir& run = made->dir;
  const spawn::native::Places places{.run = run.path, .root = made->root.path, .kept = made->kept};
  RunRecord record(run, MakeMeta(request, planned, *made), request.policy.left_out);
  std::optional<policy::Capture> captured;
  Outcome outcome = Supervise(
      {.plan = plan,
       .places = places,
       .processes = processes,
       .streams = streams,
       .run_directory = run.fd.get(),
       .run_id = run.id,
       .purpose = request.purpose,
       .showing = request.showing,
       .proxy_login = request.proxy_login.value_or(nullptr),
       .begin_record = [&] { return record.Begin(plan, processes.InitPid(), open_sink, observer); },
       .write_down =
           [&](const Approvals::Verdict& verdict) { return observer.on_answered(verdict); },
       .published = [&](const policy::PublishedPort& port) { return record.AddPublished(port); },
       .on_waiting = observer.on_waiting,
       .on_captured =
           [&](policy::Capture capture) {
             captured = capture;
             if (capture != policy::Capture::kTproxy) {
               observer.on_warning("connections are captured with " + DescribeCapture(capture));
             }
           },
       .bring_home =
           [&](const Fd& backing) { return workspace::BringHome(backing.get(), run.fd.get()); },
       .end_record = [&](Outcome known,
                         const UsageFigures& used) { return record.End(std::move(known), used); }});
  workspace::LetGoOfProjectQuota(run.fd.get());
  workspace::MakeScratchRemovable(run.path, plan);
  if (!record.has_begun()) RemoveRunDirectory(run);
  ExplainNotStarted(request, planned, outcome);
  if (captured) planned.plan.network.capture = *captured;
  if (request.purpose == Purpose::kRehearse) observer.on_rehearsed(plan, places, outcome);
  if (observer.on_ended) observer.on_ended(record.refused());
  return outcome;
}

}  // namespace

Result<Preview> PlanRun(const RunRequest& request, const RunObserver& observer) {
  std::optional<RunUser> user;
  if (::geteuid() == 0) {
    AMBIT_TRY(user, TakeRunUser());
  }
  AMBIT_TRY(const plan::Foundation foundation,
            plan::MakeFoundation(request.policy, MakeIdentity(user), request.environment));
  AMBIT_TRY(Planned planned, MakePlan(request, foundation.identity, observer));
  std::optional<plan::NotStarted> not_started = WhyNotStarted(request, planned);
  return Preview{.plan = std::move(planned.plan), .not_started = std::move(not_started)};
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
