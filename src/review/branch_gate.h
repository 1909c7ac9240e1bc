#pragma once
// What the new commits of a branch touch, commit by commit, and which of it the host would run or
// obey by itself later. A path that a later commit takes back counts as well: it can be checked
// out. Who calls: branch. Errors: kLimit "too large", kDenied for a path that no consent brings
// across.
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "review/git_plumbing.h"
#include "review/quarantine.h"

namespace ambit::review {

/// One path in one commit; of a merge only what differs from every parent, because anything else
/// stands in a commit of its own or is the host's.
struct CommitEdit {
  std::string path;
  std::vector<std::string> old_objects;  // one for each parent
  std::string new_object;
  unsigned new_mode = 0;  // as git writes it, 0 when it is gone
};

/// Everything the commits of `commit` do but for those that the lines of `without` ("^OBJECT")
/// lead to.
Result<std::vector<CommitEdit>> ListEdits(const Git& git, const Quarantine& quarantine,
                                          const std::string& commit, const std::string& without);

struct HeldPath {
  std::string path;
  std::string reason;
};

/// The paths of `edits` that need a consent, each once, sorted.
Result<std::vector<HeldPath>> FindHeld(const Git& git, const Quarantine& quarantine,
                                       std::span<const CommitEdit> edits);

/// Whether a symbolic link at `path` leads out of the project, by its text alone.
bool LeavesProject(std::string_view path, std::string_view target);

}  // namespace ambit::review
