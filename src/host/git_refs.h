#pragma once
// Where HEAD, branches and stashes stand, read from a repository's files as hostile text: `HEAD`,
// loose refs, `packed-refs`, the reflog of the stash. Nothing else of the repository is looked at,
// and git is not run.
// Who calls: supervise at the start of a run, review for what the run left. The parsers are pure
// and total. Errors: kInvalidArgument for what is not a ref, kLimit above a bound.
// Format: gitrepository-layout(5), git-pack-refs(1).
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/git_project.h"

namespace ambit::host {

inline constexpr std::size_t kMaxRefBytes = 4096;
inline constexpr std::size_t kMaxPackedRefsBytes = 64U << 20;
inline constexpr std::size_t kMaxStashLogBytes = 4U << 20;  // tens of thousands of stashes

/// The newest stash; the older ones stand only in its reflog, `logs/refs/stash`.
inline constexpr std::string_view kStashRef = "refs/stash";

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

struct PackedRef {
  std::string name;    // IsBranchRef, or kStashRef
  std::string object;  // IsObjectName
  friend bool operator==(const PackedRef&, const PackedRef&) = default;
};
/// The branches of `packed-refs` and the stash, sorted by name. Other refs, and names that git
/// would not take for a branch, are left out.
Result<std::vector<PackedRef>> ParsePackedRefs(std::string_view bytes);

/// What the reflog `logs/refs/stash` names, newest first, as in "stash@{0}".
Result<std::vector<std::string>> ParseStashLog(std::string_view bytes);

/// The file `path` of a git directory, at most `max_bytes`; nullopt when there is none.
using GitFileReader = std::function<Result<std::optional<std::string>>(const std::string& path,
                                                                       std::size_t max_bytes)>;

/// The commit HEAD names; nullopt on a branch without commits. `own` reads in the git directory,
/// `common` in the one that holds the branches: they differ for a linked worktree.
Result<std::optional<std::string>> FollowHead(const GitFileReader& own,
                                              const GitFileReader& common);

/// The same for the host's own repository; nullopt also when nobody can say. A few small reads.
std::optional<std::string> HeadCommitOf(const GitProject& project);

}  // namespace ambit::host
