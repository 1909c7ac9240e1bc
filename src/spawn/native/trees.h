#pragma once
// The mounts of a plan that show something of the host, opened and detached. As a user init makes
// them in its own namespaces; as root the supervisor makes them before init exists, because only
// the initial user namespace may idmap, and init merely attaches them.
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "host/primitives.h"
#include "plan/launch_plan.h"

namespace ambit::spawn::native {

/// An error and the primitive it means to the user.
struct StageError {
  host::Primitive primitive = host::Primitive::kInit;
  Error error;
};
template <class T>
using StageResult = std::expected<T, StageError>;

/// One detached tree for each plan mount of kind kBind, kLayer and kHome, by the mount's index;
/// the others stay empty. `run_path`: the run's state directory with the layers' directories,
/// opened by path because a descriptor from another mount namespace cannot be cloned.
StageResult<std::vector<Fd>> OpenTrees(const plan::LaunchPlan& plan, const std::string& run_path);

}  // namespace ambit::spawn::native
