#pragma once
// Where a run's HEAD stands, read from the files of its repository as hostile text: `HEAD`, the
// loose ref it names, `packed-refs`. Nothing else of the repository is looked at.
// Who calls: branch. The parsers are pure and total. Errors: kInvalidArgument for what is not a
// ref, kLimit above a bound.
// Format: gitrepository-layout(5), git-pack-refs(1).
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "review/merged_view.h"

namespace ambit::review {

/// One of the two is set.
struct RefValue {
  std::string object;  // 40 or 64 lower-case hexadecimal digits
  std::string target;  // IsBranchRef
  friend bool operator==(const RefValue&, const RefValue&) = default;
};

/// 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
bool IsObjectName(std::string_view text);

/// `refs/heads/...` as git allows it: what can be looked up below a git directory and cannot leave
/// it.
bool IsBranchRef(std::string_view name);

/// `HEAD` or a loose ref: "ref: refs/heads/NAME" or an object's name, one line.
Result<RefValue> ParseRef(std::string_view bytes);

/// The object that `packed-refs` has for `name`.
Result<std::optional<std::string>> FindPackedRef(std::string_view bytes, std::string_view name);

/// The commit the run's HEAD names; nullopt on a branch without commits. `git_dir` and
/// `common_dir` are paths of the view; they differ for a linked worktree.
Result<std::optional<std::string>> ReadRunTip(const MergedView& view, std::string_view git_dir,
                                              std::string_view common_dir);

}  // namespace ambit::review
