#pragma once
// Which of the files that a run changed the host changed as well since the run began, as apply
// judges it: a file of the host with a ctime not older than the run's stamp, unless an apply of the
// run left it so. Who calls: diff, which compares the run's result with the host's file of now, so
// that an edit of the host looks like one of the run. No errors: what cannot be looked at is left
// out.
#include <cstdint>
#include <string>
#include <vector>

#include "review/apply_plan.h"
#include "review/project_tree.h"
#include "workspace/change_walk.h"
#include "workspace/masks.h"

namespace ambit::review {

/// In the order of `changes`. What `masks` cover was never compared with the host's file. Empty
/// when `stamp_ns` is 0: nothing can be told.
std::vector<std::string> HostEdits(const ProjectTree& tree, std::int64_t stamp_ns,
                                   const LeftBehind& left, const workspace::Masks& masks,
                                   const workspace::ChangeSet& changes);

}  // namespace ambit::review
