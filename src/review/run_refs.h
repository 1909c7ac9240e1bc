#pragma once
// Where a run's HEAD stands (host/git_refs.h), in the tree as the run left it.
// Who calls: branch. Errors: those of the parsers and of the view.
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "review/merged_view.h"

namespace ambit::review {

/// The commit the run's HEAD names; nullopt on a branch without commits. `git_dir` and
/// `common_dir` are paths of the view; they differ for a linked worktree.
Result<std::optional<std::string>> ReadRunTip(const MergedView& view, std::string_view git_dir,
                                              std::string_view common_dir);

}  // namespace ambit::review
