#pragma once
// A second filter for runs that write into a tree of the host (--project rw) or into one that the
// next run finds again (kept directories): no file there gets a set-user-id or set-group-id bit.
// The mount ignores them (nosuid), but on the host they would count, with the rights of the files'
// owner, which may be root. It stands before AgentFilter, the kernel takes the stricter answer of
// the two. Pure. Who calls: spawn, in init.
#include <linux/filter.h>

#include <vector>

#include "base/error.h"
#include "plan/filter_rules.h"

namespace ambit::plan {

/// EPERM for every call that would set such a bit. openat2 has its mode in memory, where it cannot
/// be checked: ENOSYS, and programs fall back to openat. mkdir takes no such bits (vfs_mkdir).
FilterRules SetIdRules();

Result<std::vector<sock_filter>> SetIdFilter();

}  // namespace ambit::plan
