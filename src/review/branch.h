#pragma once
// `ambit branch`: the commits a run made, and what it left uncommitted as one commit on top, on a
// new branch of the host's repository. The repository is the one the host's own `.git` names:
// a directory, a linked worktree's or a submodule's.
// Or, asked for by name, the commits of another branch of the run, or a stash, which is a commit
// too: as it is, without the uncommitted files, which belong to HEAD.
// Of the run's repository only objects, HEAD, branches and the stash with its reflog are read; its
// configuration, hooks, attributes, filters, index, other refs and reflogs, alternates, grafts and
// replacements do nothing. On the host a pack, the new branch and its reflog are written; working
// tree, index, HEAD, configuration and every other ref stay as they are, and no hook runs. Commits
// of the run keep their signatures, or have none: signing is the person's own git's. Every new
// commit passes the gate (branch_gate.h): one held path in any of them asks for all. The run's
// objects and files are hostile: git reads them with bounds on time, memory and output, as root in
// the name of the repository's owner, and nothing reaches the host's store before everything was
// checked. Not in the branch: branch_changes.h. What the host itself had changed and the run did
// not touch is not the run's work and not in it either. Who calls: cli. Errors: kDenied for a run
// that still runs, held paths without a consent, and what no consent brings across; kLimit "too
// large"; kUnsupported for other repositories; kInvalidArgument for a branch that exists, a wrong
// name, a consent that names nothing and unsound objects; kNotFound when the run made nothing, or
// nothing of that name.
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/git_config.h"
#include "review/branch_gate.h"
#include "workspace/run_store.h"

namespace ambit::review {

inline constexpr int kBranchSeconds = 50;  // all of it

struct BranchRequest {
  std::string name;  // without refs/heads/
  workspace::RunMeta run;
  std::string run_path;               // the run's directory
  host::UserIdentity identity;        // the person's own; the repository's goes before
  std::vector<std::string> consents;  // paths of the project
  std::string from;                   // a branch or stash of the run (FindOwnRef); empty: HEAD
  /// Asked once, with the held paths nobody has consented to; empty: nobody can be asked.
  std::function<bool(std::span<const HeldPath>)> ask;
};

struct BranchResult {
  std::string commit;
  std::size_t commits = 0;   // that the host did not have, our own included
  bool uncommitted = false;  // the last one is what the run had not committed
  bool stash = false;        // it is a stash's commit
  std::size_t objects = 0;
  std::size_t ignored = 0;  // files left out, see branch_changes.h
  std::size_t in_other_repositories = 0;
  std::size_t special = 0;
};

Result<BranchResult> MakeBranch(const BranchRequest& request);

}  // namespace ambit::review
