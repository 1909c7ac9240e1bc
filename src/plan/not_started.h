#pragma once
// Why a run's command could not be started, and which flags would change that. Pure: the plan says
// what is visible inside, host/command.h where things are. Who calls: supervise, when it
// happened, or would.
#include <string>

#include "host/command.h"
#include "host/facts.h"
#include "plan/launch_plan.h"

namespace ambit::plan {

struct NotStarted {
  std::string what;
  std::string remedy;
};

/// `error` is the errno of execve(2). Proposed are only directories that hold the command, as small
/// as it can do with: never a home, `/`, what holds ambit's state or is known to hold secrets.
/// Where no directory is left the file alone is proposed.
NotStarted ExplainNotStarted(const LaunchPlan& plan, const host::HostFacts& facts,
                             const host::CommandFacts& command, int error);

/// Whether `command`, looked for in the PATH that the run has, can be executed inside.
bool WouldStart(const LaunchPlan& plan, const host::CommandFacts& command);

/// Whether that errno means that the command is there (exit code 126, not 127).
bool IsThere(int error);

}  // namespace ambit::plan
