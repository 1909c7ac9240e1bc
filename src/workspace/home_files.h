#pragma once
#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

/// Writes the plan's home_files into the home of a new run directory, with the directories above
/// them (0700), as the agent's own: it may change them. No link is followed and nothing is
/// replaced. Who calls: supervise, before anything of the run can see that home.
Status WriteHomeFiles(int run_dir, const plan::LaunchPlan& plan);

}  // namespace ambit::workspace
