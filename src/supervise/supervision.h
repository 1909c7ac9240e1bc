#pragma once
// One run's life, from the finished plan to the last reaped process: watch, forward, one outcome,
// nothing left behind.
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "event/event.h"
#include "plan/launch_plan.h"
#include "supervise/approvals.h"
#include "supervise/limit_watch.h"
#include "supervise/outcome.h"
#include "supervise/processes.h"
#include "supervise/proxy_login.h"
#include "supervise/run_request.h"
#include "supervise/terminal.h"

namespace ambit::supervise {

struct SupervisionInputs {
  const plan::LaunchPlan& plan;
  const spawn::native::Places& places;
  Processes& processes;  // on their way
  const StandardStreams& streams;
  int run_directory = -1;
  std::string_view run_id;
  Purpose purpose = Purpose::kRun;
  Showing showing = Showing::kFiltered;
  ProxyLogin proxy_login = {};  // where the plan has a proxy with one
  /// Puts on record that there is a run, before its agent starts; called when init is on its way,
  /// because the disk takes as long as the first walls. The sink outlives the run.
  std::function<Result<event::Sink*>()> begin_record;
  /// Makes an answer given at the run's own terminal one for later runs, too, where it is meant so.
  std::function<Status(const Approvals::Verdict&)> write_down;
  /// A port is published since the run began.
  std::function<Status(const policy::PublishedPort&)> published;
  /// What the run waits for, where standard error is no terminal: nobody may be waited for.
  std::function<void(const std::string&)> on_waiting;
  /// How connections are captured, before the agent starts.
  std::function<void(policy::Capture)> on_captured;
  /// Where the layers are a file system of the run's own: brings home what was written, when all
  /// processes are dead. An error takes the outcome's place.
  std::function<Status(const Fd& backing)> bring_home;
  /// Puts the outcome on record, once, while the last processes are dying, and returns what it is
  /// then: another one when that cannot be done.
  std::function<Outcome(Outcome, const UsageFigures&)> end_record;
};

/// Hands the plan over and returns how the run ended, when every process of it is dead and reaped.
Outcome Supervise(const SupervisionInputs& inputs);

}  // namespace ambit::supervise
