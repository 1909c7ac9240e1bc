#pragma once
// The host's side of a branch: the repository the project's own `.git` names, as it is now, and
// where a run's layers hold the changed part of it. Nothing here writes.
// Who calls: branch. Errors: kUnsupported with the reason for a repository that a branch cannot be
// brought to.
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/git_config.h"
#include "host/git_project.h"
#include "review/git_plumbing.h"
#include "review/quarantine.h"
#include "workspace/run_store.h"

namespace ambit::review {

struct HostRepository {
  std::string git_dir;     // canonical; of a linked worktree its own
  std::string common_dir;  // canonical
  uid_t owner = 0;
  gid_t group = 0;
  HostObjects objects;          // without the tips
  host::UserIdentity identity;  // what its own configuration says
};

Result<HostRepository> FindHostRepository(const std::string& project_root);

/// Whose git works on the repository: root acts for its owner, others for themselves.
struct Actor {
  uid_t uid = 0;
  gid_t gid = 0;
};
Actor ActorFor(const HostRepository& repository);

struct HostRefs {
  std::vector<std::string> tips;
  std::vector<std::string> names;
  std::optional<std::string> head;  // the branch HEAD is on
  std::optional<std::string> head_commit;
};
Result<HostRefs> ReadHostRefs(const Git& git, const HostRepository& repository);

/// Which of `objects` are commits that no ref of the host leads to, or objects it does not have.
Result<std::vector<bool>> AreNewToHost(const Git& git, const HostRepository& repository,
                                       const HostRefs& refs, std::span<const std::string> objects);

/// The commit that HEAD named when the run began: as it was recorded then, else by the reflog;
/// nullopt where neither tells.
Result<std::optional<std::string>> HeadAtStart(const Git& git, const HostRepository& repository,
                                               const workspace::RunMeta& run);

/// A host path as a path of one of the run's layers.
struct PlaceInLayer {
  workspace::OverlayLayer layer;
  std::string path;  // empty: the layer's root
};
/// `run_path` is the run's directory. kNotFound when no layer holds it; kDenied when another
/// directory lies at the layer's place by now.
Result<PlaceInLayer> FindInLayers(const workspace::RunMeta& meta, const std::string& run_path,
                                  const std::string& host_path);

}  // namespace ambit::review
