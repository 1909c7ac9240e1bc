#pragma once
#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

/// As root: gives `path` below `dir`, not followed when it is a link, to the owner of the project
/// on disk, as whom the agent's files are stored. A person's own are right as they were made.
Status GiveToDiskOwner(int dir, const char* path, const plan::Identity& identity);

}  // namespace ambit::workspace
