#pragma once
// The limit on what layers and home take, where the file system of the state directory holds it
// (plan::Means::kProjectQuota): upper/, work/ and home/ of the run are a project of its own, with a
// hard limit on blocks and inodes. The number of the project is taken from a range of ours; it
// stays on the layers when the run has ended, and no other run gets it as long as they are there.
// Who calls: supervise, for each run; run_removal, since a run that was killed leaves its limit.
#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

/// Before anything is in the directories: what is there belongs to no project. Does nothing when
/// the plan has no limit of that means. Errors: of the kernel, with the way out.
Status HoldByProjectQuota(int run_dir, const plan::LaunchPlan& plan);

/// Takes the limit off: every process of the run has ended. Best effort: a limit that stays on a
/// project that nothing is written to any more harms nobody.
void LetGoOfProjectQuota(int run_dir);

}  // namespace ambit::workspace
