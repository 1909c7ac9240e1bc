#pragma once
// What a policy puts into the run's own home and into /etc: directories that live on from run to
// run of one project, and files that exist only inside. Pure. Both lie in parts of the root that
// hold nothing of the host; what would lie anywhere else, or be covered there, is refused.
#include <vector>

#include "base/error.h"
#include "host/facts.h"
#include "plan/launch_plan.h"
#include "policy/policy.h"

namespace ambit::plan {

/// The kept directories, each once. kInvalidArgument for one that does not lie below the home, or
/// is a file in the person's own.
Result<std::vector<Kept>> MakeKept(const policy::Policy& policy, const host::HostFacts& facts);

/// Adds the policy's files to `root` and `home_files` of a plan that has all its other entries,
/// mounts and aliases, and looks at where the kept directories lie among them. kInvalidArgument
/// names the entry by its `from`, and what is there already.
Status AddHomeContent(const policy::Policy& policy, const host::HostFacts& facts, LaunchPlan& plan);

}  // namespace ambit::plan
