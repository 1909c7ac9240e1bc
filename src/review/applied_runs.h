#pragma once
// The applies of all runs to one project, in the order they were made: which one plain undo takes
// back, which has to be taken back before another, and what is left of this order when a run is
// removed. The older runs then hold a file `overtaken`, "ID TIME\n": a newer apply went with the
// record of run ID. Without it undo would take the older one back below the newer.
// Known limit: the order is that of the clock; one that was set back in between turns it around.
// Who calls: cli (undo, and whatever removes runs). Errors: those of reading records.
#include <string>

#include "base/error.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::review {

/// The run whose apply to `project` is the newest one that is not taken back. kNotFound when there
/// is none; kDenied, with the way on, when a newer one went with its run.
Result<workspace::RunMeta> LastApplied(const workspace::RunStore& store,
                                       const std::string& project);

/// kDenied, with the run to undo first, when a later apply of another run changed what `log`, a
/// finished apply of the run of `meta`, changed as well, or something above or below it: taken back
/// in the wrong order neither has its old content to go back to.
Status RefuseOutOfOrder(const workspace::RunStore& store, const workspace::RunMeta& meta,
                        const ApplyLog& log);

/// Drops all of the run; when it was applied, older applies to its project learn of it first.
Status RemoveRun(const workspace::RunStore& store, const workspace::RunDir& run,
                 workspace::Deadline deadline = workspace::kNoDeadline);

}  // namespace ambit::review
