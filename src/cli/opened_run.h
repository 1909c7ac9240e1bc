#pragma once
// What apply and undo have in common: a run that has ended, opened together with its project, the
// recovery of an apply that was interrupted, and how paths are told. Who calls: apply.cc, undo.cc.
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/review_journal.h"
#include "review/apply.h"
#include "review/project_tree.h"
#include "workspace/run_store.h"

namespace ambit::cli {

inline constexpr int kLeftOut = 1;  // exit code: something did not come across

/// A run and its project, open and checked.
struct Opened {
  workspace::RunStore store;
  workspace::RunMeta meta;
  workspace::RunDir run;
  review::ProjectTree tree;
  std::int64_t stamp_ns = 0;
};

/// Locks the run. Its work may be discarded. kDenied while it is alive, or when its project is
/// another directory by now; kNotFound when it had no layer of the project.
Result<Opened> OpenRun(workspace::RunStore store, workspace::RunMeta meta);

/// Finishes or takes back what applies of this project left that were interrupted, of whichever
/// run. Returns what was taken back of this one.
Result<std::optional<review::ApplyReport>> RecoverAll(const Opened& opened, ReviewJournal& journal);

std::string ShownPath(const review::PlannedPath& planned);
void Print(const review::ApplyReport& report);

int ExitCodeOf(bool complete);

}  // namespace ambit::cli
