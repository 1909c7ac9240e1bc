#pragma once
// From what a person asked for to how it ended: facts, plan, state directory, supervision, record.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/event.h"
#include "plan/launch_plan.h"
#include "policy/policy.h"
#include "supervise/outcome.h"
#include "supervise/supervision.h"
#include "workspace/run_store.h"

namespace ambit::supervise {

using Environment = std::map<std::string, std::string>;

/// The launcher's variables that ambit itself or `policy` has a use for. All others are overwritten
/// and gone: the processes of a run are forks of this one, and none may hold them.
Environment TakeEnvironment(const policy::Policy& policy);

/// Puts back what ambit itself needs of it, when everything of the run is dead.
void GiveBackEnvironment(const Environment& taken);

struct RunRequest {
  policy::Policy policy;
  Environment environment;  // from TakeEnvironment
  std::vector<std::string> argv;
  std::string directory;  // -C, absolute; empty: the working directory decides
  Purpose purpose = Purpose::kRun;
  bool keep = false;                     // --keep-run
  Showing showing = Showing::kFiltered;  // what of the agent's output a terminal gets
  /// Asked before anything of the run is there, with the store's root and the project's.
  std::function<Status(const std::string& runs_root, const std::string& project)> may_begin = {};
};

/// What a person may want to hear, in order; the caller prints it.
struct RunObserver {
  /// Everything is planned and recorded, nothing has started.
  std::function<void(const workspace::RunMeta&)> on_planned;
  /// Something that will surprise, such as a home below /tmp.
  std::function<void(const std::string&)> on_warning;
  /// A rehearsal is over and everything of it is dead; what it held is still held.
  std::function<void(const plan::LaunchPlan&, const spawn::native::Places&, const Outcome&)>
      on_rehearsed = {};
};

using OpenSink = std::function<Result<std::unique_ptr<event::Sink>>(const workspace::RunDir& run)>;

/// The plan that a run of `request` would have, and nothing else: no state, no process. As root the
/// ids are those that are free just now.
Result<plan::LaunchPlan> PlanRun(const RunRequest& request, const RunObserver& observer);

/// Executes one run to its end. Precondition: one thread, no child. An error means that nothing was
/// started at all (bad request, no plan); a primitive that is missing, and everything later, is an
/// Outcome.
Result<Outcome> Run(const RunRequest& request, const OpenSink& open_sink,
                    const RunObserver& observer);

}  // namespace ambit::supervise
