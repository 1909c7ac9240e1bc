#pragma once
// What a run left uncommitted, as one commit on top of its last one, made by us: the files' bytes
// as they are, without filters, attributes or line end conversion.
// In it: for every path that the run changed in the project, or that its commits touch, what the
// run's tree has there at the end: plain files with their execute bit, and symbolic links.
// Left out and counted: files that are not in the last commit and ignored by the .gitignore files
// of the run's tree or the host's info/exclude (a person's own core.excludesFile is not asked);
// what lies in a repository of its own below the project; FIFOs, sockets, devices, empty
// directories; anything below a `.git`.
// Who calls: branch. Errors: kLimit "too large", those of git and of the layers.
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "review/git_plumbing.h"
#include "review/merged_view.h"
#include "review/quarantine.h"
#include "workspace/change_walk.h"

namespace ambit::review {

struct CommitWords {
  std::string name;
  std::string email;
  std::string message;
};

struct Uncommitted {
  std::optional<std::string> commit;  // none: the last commit already is all of it
  std::size_t ignored = 0;
  std::size_t in_other_repositories = 0;
  std::size_t special = 0;
};

/// `tip`: the run's last commit, in `quarantine` or on the host; none without any commit.
/// `touched`: paths of the run's commits. `exclude_file`: the host's info/exclude, may not exist.
Result<Uncommitted> CommitUncommitted(const Git& git, const Quarantine& quarantine,
                                      const MergedView& project,
                                      const workspace::ChangeSet& changes,
                                      const std::optional<std::string>& tip,
                                      std::span<const std::string> touched,
                                      const std::string& exclude_file, const CommitWords& words);

}  // namespace ambit::review
