#pragma once
// Where a run's HEAD stands, and which branches and stashes the run itself wrote (host/git_refs.h),
// in the tree as the run left it.
// Who calls: branch. Errors: those of the parsers and of the view.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "review/merged_view.h"

namespace ambit::review {

inline constexpr std::size_t kMaxRefEntries = 20'000;  // files and directories that are looked at
inline constexpr std::size_t kMaxOwnRefs = 10'000;

/// The commit the run's HEAD names; nullopt on a branch without commits. `git_dir` and
/// `common_dir` are paths of the view; they differ for a linked worktree.
Result<std::optional<std::string>> ReadRunTip(const MergedView& view, std::string_view git_dir,
                                              std::string_view common_dir);

struct OwnRef {
  std::string name;    // "refs/heads/NAME", or "stash@{N}"
  std::string object;  // as the run says, which may have no such object
};

struct OwnRefs {
  std::vector<OwnRef> refs;  // branches by name, then stashes, the newest first
  bool more = false;         // a bound was reached
};

/// Branches and stashes as they stand in files that the run wrote. A ref that only the host has in
/// its files is none of the run's, whatever it says by now; nor is what a rewritten `packed-refs`
/// or reflog has in common with the host's. A branch the run moved or made counts also when the
/// host has its commit.
Result<OwnRefs> ReadOwnRefs(const MergedView& view, std::string_view common_dir);

/// The one a person calls `typed`: a branch with or without "refs/heads/", "stash" for the newest
/// stash, or "stash@{N}"; null when there is none.
const OwnRef* FindOwnRef(const OwnRefs& own, std::string_view typed);

/// The shortest name by which FindOwnRef has it.
std::string ShortNameOf(const OwnRef& ref);

}  // namespace ambit::review
