#pragma once
#include <functional>
#include <vector>

#include "base/fd.h"
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"

namespace ambit::spawn::native {

/// Builds the run's root from nothing in the caller's own mount namespace and pivots into it. What
/// the plan does not name does not exist afterwards, the host's tree is detached.
/// Caller: init, with CAP_SYS_ADMIN in its user namespace, all namespaces its own.
/// `await_trees` gives the trees of OpenTrees for the same plan; it is called when everything that
/// does not need them is done.
StageResult<void> BuildRoot(const plan::LaunchPlan& plan,
                            const std::function<StageResult<Trees>()>& await_trees);

}  // namespace ambit::spawn::native
