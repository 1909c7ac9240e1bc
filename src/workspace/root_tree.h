#pragma once
// The part of a run's root that a plan writes down: directories, small files, links, and the places
// where something is mounted. Equal parts give equal trees, so a tree is made once, kept in the
// state directory and shown read-only in every run that it fits. Making its hundred names anew cost
// each start a tenth of its time (docs/adr/0010).
//   ROOTS/<hash>/   recipe: what it was made of, byte by byte   tree/: what is shown
// Who calls: supervise. Trees of another boot never fit, because nothing here is synced to the
// disk.
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

struct RootTree {
  std::string path;  // absolute
  Fd lock;           // while it is held the tree is not removed
};

/// Where the trees are kept: beside the runs of `runs_root`.
std::string RootsBeside(const std::string& runs_root);

/// `roots` is made where it is missing, with the same refusals as RunStore::Open. Keeps the newest
/// kMostRootTrees trees and those that are in use.
Result<RootTree> FindOrMakeRootTree(const std::string& roots, const plan::LaunchPlan& plan);

inline constexpr std::size_t kMostRootTrees = 32;

/// Makes the plan's entries and mount points in the empty directory `dir`. No link that the plan
/// names is followed, whatever it points to.
Status FillRoot(int dir, const plan::LaunchPlan& plan);

}  // namespace ambit::workspace
