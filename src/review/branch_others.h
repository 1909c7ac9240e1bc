#pragma once
// Which branches and stashes a run made or moved that `ambit branch` does not bring by itself,
// because its HEAD is elsewhere, and that the host does not have.
// Who calls: cli. Errors: those of run_refs.h, branch_host.h and git.
#include <string>
#include <vector>

#include "base/error.h"
#include "workspace/run_store.h"

namespace ambit::review {

inline constexpr int kOtherRefsSeconds = 10;  // all of it

struct OtherRefs {
  std::vector<std::string> names;  // as `--from` takes them; hostile text
  bool more = false;               // and some that nobody has counted
};

/// Not among them: what stands where HEAD does, and commits that a ref of the host leads to. What
/// HEAD's own commits lead to is: the run's objects are not looked into. Of a project without a
/// repository that a branch could be brought to nothing is named. `run_path` is the run's
/// directory.
Result<OtherRefs> FindOtherRefs(const workspace::RunMeta& run, const std::string& run_path);

}  // namespace ambit::review
