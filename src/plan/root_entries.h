#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "host/facts.h"
#include "host/git_config.h"
#include "plan/launch_plan.h"

namespace ambit::plan {

/// The directories, files and symlinks of the run's root that are made for it: the synthetic /etc,
/// /dev's links, /var's shape, symlinks of the host's layout.
std::vector<RootEntry> MakeRootEntries(const host::HostFacts& facts, const Identity& identity,
                                       const std::string& hostname,
                                       const host::UserIdentity& author, bool names);

enum class AliasPlace : std::uint8_t { kRoot, kMount };

/// The symlinks of facts.aliases that lie in the root itself, or in an empty mount of the run's own
/// (a tmpfs, the home). Left out: those in a place whose content is the host's or the kernel's,
/// where they are already or must not be made.
std::vector<RootEntry> MakeAliases(const host::HostFacts& facts, const std::vector<Mount>& mounts,
                                   AliasPlace place);

}  // namespace ambit::plan
