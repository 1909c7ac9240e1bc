#pragma once
// What a person asked for, and what they may want to hear. Who calls: the command line, doctor.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "event/event.h"
#include "plan/launch_plan.h"
#include "policy/policy.h"
#include "supervise/approvals.h"
#include "supervise/launcher_environment.h"
#include "supervise/outcome.h"
#include "supervise/place.h"
#include "supervise/proxy_login.h"
#include "supervise/refused.h"
#include "supervise/terminal.h"
#include "workspace/run_store.h"

namespace ambit::spawn::native {
struct Places;
}

namespace ambit::supervise {

/// A rehearsal is a run in which everything stands and nothing is started: it ends with kExited.
enum class Purpose : std::uint8_t { kRun, kRehearse };

struct RunRequest {
  Place place;
  policy::Policy policy;
  Environment environment;                        // from TakeEnvironment
  Result<ProxyLogin> proxy_login = ProxyLogin();  // from TakeProxyLogin, before the environment
  std::vector<std::string> argv;
  Purpose purpose = Purpose::kRun;
  bool keep = false;                     // --keep-run
  Showing showing = Showing::kFiltered;  // what of the agent's output a terminal gets
  /// Whether a pattern of any file that fits nothing is told, not only one of the project's own: in
  /// a file for all projects it need not fit in each.
  bool tell_every_pattern = false;
  /// Asked before anything of the run is there, with the store's root and the project's.
  std::function<Status(const std::string& runs_root, const std::string& project)> may_begin = {};
};

/// Makes what writes the run's events down.
using OpenSink = std::function<Result<std::unique_ptr<event::Sink>>(const workspace::RunDir& run)>;

/// What a person may want to hear, in order; the caller prints it.
struct RunObserver {
  /// Everything is planned and recorded, nothing has started.
  std::function<void(const workspace::RunMeta&)> on_planned;
  /// Something that will surprise, such as a home below /tmp.
  std::function<void(const std::string&)> on_warning;
  /// A rehearsal is over and everything of it is dead; what it held is still held.
  std::function<void(const plan::LaunchPlan&, const spawn::native::Places&, const Outcome&)>
      on_rehearsed = {};
  /// The person has answered at the run's own terminal: for later runs it is written down.
  std::function<Status(const Approvals::Verdict&)> on_answered =
      [](const Approvals::Verdict&) -> Status { return {}; };
  /// What a run with questions waits for, while it goes on and its standard error is no terminal;
  /// must wait for nobody (supervise/unheld_line.h).
  std::function<void(const std::string&)> on_waiting = [](const std::string&) {};
  /// The run is over and on record.
  std::function<void(const Refused&)> on_ended = {};
};

}  // namespace ambit::supervise
