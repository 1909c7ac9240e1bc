#pragma once
// The mounts of a plan that show something of the host, opened and detached. As root the
// supervisor makes them, because only the initial user namespace may idmap; as a user a helper in
// init's own namespaces does. Either way it happens beside init, which builds the rest meanwhile.
#include <string>
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

/// What of the state directory a run is made of. By path, because a descriptor from another mount
/// namespace cannot be cloned.
struct Places {
  std::string run;        // the run's own directory, layers prepared
  std::string root;       // its root tree (workspace/root_tree.h)
  std::string kept = {};  // of all that is kept (workspace/kept_state.h); empty: nothing is
};

struct Trees {
  Fd root;
  Fd backing;  // workspace/backing.h; not sent along with the others
  /// One detached tree for each plan mount of kind kBind, kLayer, kHome, kKept and kDenials, by the
  /// mount's index; the others stay empty.
  std::vector<Fd> mounts;
};

StageResult<Trees> OpenTrees(const plan::LaunchPlan& plan, const Places& places);

/// The trees go to init in one message (at most sys::kMaxPassedFds of them; plan::Make sees to it).
Status SendTrees(int socket, const Trees& trees);

/// Waits for them, or for the failure of who should have sent them.
StageResult<Trees> ReceiveTrees(int socket, const plan::LaunchPlan& plan);

}  // namespace ambit::spawn::native
