#pragma once
#include <string>
#include <vector>

#include "host/facts.h"
#include "host/git_config.h"
#include "plan/launch_plan.h"

namespace ambit::plan {

/// The directories, files and symlinks of the run's root that are made for it: the synthetic /etc,
/// /dev's links, /var's shape, symlinks of the host's layout, aliases of the project's path.
std::vector<RootEntry> MakeRootEntries(const host::HostFacts& facts, const Identity& identity,
                                       const std::string& hostname,
                                       const host::UserIdentity& author);

}  // namespace ambit::plan
