#pragma once
// Brings what a run changed into the project, and takes it back. All or nothing against crashes: a
// record in the run's directory is on disk before the project is touched, what is replaced is kept,
// and the next apply or undo finishes or takes back what was interrupted (Recover). While it works,
// and after a crash, the project holds one directory of ours, `.ambit-apply-RUN`.
// What the host changed is never overwritten: such a path is a conflict and stays, unless a person
// names it to be replaced; then its version is kept, and undo brings it back.
// Who calls: cli, in the order Open and Lock the tree, Recover, PlanApply, Apply. Errors: kLimit
// and kIo with the project as it was, when there is no room; kDenied, kUnsupported.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "review/apply_log.h"
#include "review/apply_plan.h"
#include "review/project_tree.h"
#include "workspace/run_store.h"

namespace ambit::review {

/// What happened to each path: as planned, or in conflict after all.
struct ApplyReport {
  std::vector<PlannedPath> paths;
  std::vector<std::string> notes;  // for people: what was left where

  bool Complete() const;
};

Result<ApplyReport> Apply(const workspace::RunDir& run, const ProjectTree& tree, int upper,
                          const ApplyPlan& plan, std::int64_t stamp_ns);

/// A layer that says "this directory was that one" can be read only as long as the project has that
/// one: kUnsupported once an apply of the run moved it. Called before the layer is read.
Status CheckLayerFits(const workspace::RunDir& run);

/// Takes back what `log` recorded, a finished apply. Letters are those of the change it makes.
Result<ApplyReport> Undo(const workspace::RunDir& run, const ProjectTree& tree, ApplyLog log);

/// The directories that an interrupted apply left in the project, as the ids of their runs.
Result<std::vector<std::string>> InterruptedRuns(const ProjectTree& tree);

/// What became of an interrupted apply or undo.
struct Recovery {
  bool taken_back = false;  // else it was finished
  ApplyReport report;       // of taking back
};

/// Finishes or takes back what was interrupted: the project is then as before the apply, or as
/// after it. nullopt when this run had left nothing to do.
Result<std::optional<Recovery>> Recover(const workspace::RunDir& run, const ProjectTree& tree);

}  // namespace ambit::review
