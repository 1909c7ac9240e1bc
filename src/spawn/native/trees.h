#pragma once
// The mounts of a plan that show something of the host, opened and detached. As root the
// supervisor makes them, because only the initial user namespace may idmap; as a user a helper in
// init's own namespaces does. Either way it happens beside init, which builds the rest meanwhile.
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

/// The trees go to init in one message (at most sys::kMaxPassedFds of them; plan::Make sees to it).
Status SendTrees(int socket, const std::vector<Fd>& trees);

/// Waits for them, or for the failure of who should have sent them.
StageResult<std::vector<Fd>> ReceiveTrees(int socket, const plan::LaunchPlan& plan);

}  // namespace ambit::spawn::native
