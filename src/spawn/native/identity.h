#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"
#include "plan/launch_plan.h"

namespace ambit::spawn::native {

/// Writes uid_map and gid_map of `child`, a process in a new user namespace: the inside id <-> the
/// outside id, and as root the ids of other owners. Called by the supervisor.
Status WriteIdMaps(pid_t child, const plan::Identity& identity);

/// A user namespace that maps the disk owner to the run's host id, for idmapped mounts. Made with a
/// throwaway child that is gone when this returns. Root only.
Result<Fd> MakeIdmapNamespace(const plan::Identity& identity);

}  // namespace ambit::spawn::native
