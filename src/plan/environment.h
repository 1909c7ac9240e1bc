#pragma once
#include <string>
#include <vector>

#include "host/facts.h"
#include "plan/launch_plan.h"
#include "policy/policy.h"

namespace ambit::plan {

/// The directories of the launcher's PATH that exist inside, then the standard ones.
std::vector<std::string> MakePathEntries(const host::HostFacts& facts,
                                         const std::vector<Mount>& mounts);

/// NAME=value, sorted: the base list, `AMBIT=1`, and what policy adds; nothing else crosses.
std::vector<std::string> MakeEnvironment(const policy::Policy& policy, const host::HostFacts& facts,
                                         const Identity& identity,
                                         const std::vector<std::string>& path_entries);

}  // namespace ambit::plan
