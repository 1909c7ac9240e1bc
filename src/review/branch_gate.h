#pragma once
// What the new commits of a branch touch, commit by commit, and which of it the host would run or
// obey by itself later. A path that a later commit takes back counts as well: it can be checked
// out. So does what a branch takes from another place of the host's own repository, because nobody
// asked for it there: the whole difference to where the run began is looked at too. Who calls:
// branch. Errors: kLimit "too large", kDenied for a path that no consent brings across.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "review/git_plumbing.h"
#include "review/project_tree.h"
#include "review/quarantine.h"
#include "workspace/masks.h"

namespace ambit::review {

/// One path in one commit; of a merge only what differs from every parent, because anything else
/// stands in a commit of its own or is the host's.
struct CommitEdit {
  std::string commit;  // empty: of a difference between two trees
  std::string path;
  std::vector<std::string> old_objects;  // one for each parent
  std::string new_object;
  unsigned new_mode = 0;  // as git writes it, 0 when it is gone
};

/// Everything the commits of `commit` do but for those that the lines of `without` ("^OBJECT")
/// lead to.
Result<std::vector<CommitEdit>> ListEdits(const Git& git, const Quarantine& quarantine,
                                          const std::string& commit, const std::string& without);

/// What tells the tree of `commit` from that of `base`; none: from nothing.
Result<std::vector<CommitEdit>> ListDifference(const Git& git, const Quarantine& quarantine,
                                               const std::optional<std::string>& base,
                                               const std::string& commit);

struct HeldPath {
  std::string path;
  std::string reason;  // with the commit and what it does to the path
};

/// The paths of `edits` that need a consent and have none (consent.h), each once, sorted. `edits`
/// lead to the tree of `commit`, in the project `host`, of which the run saw some files masked.
Result<std::vector<HeldPath>> FindHeld(const Git& git, const Quarantine& quarantine,
                                       const ProjectTree& host, const workspace::Masks& masks,
                                       const std::string& commit, std::span<const CommitEdit> edits,
                                       std::span<const std::string> consents);

}  // namespace ambit::review
