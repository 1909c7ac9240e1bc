#pragma once
// What `apply.auto_exec` says of the work of a run: the stricter of the run's record and of the
// policy that holds in its project now, the project's own file trusted or not as for a run. So what
// was tightened since counts, and what was opened since does not. Flags and `--policy` files of the
// run are in its record alone: an `allow` of theirs needs one that still stands.
// Who calls: apply, branch. Errors: those of reading the policy: what cannot be read could be
// stricter.
#include <string>

#include "base/error.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// In the words of workspace::RunMeta::auto_exec. Says on stderr when now is the stricter one.
Result<std::string> AutoExecOf(const workspace::RunMeta& run);

}  // namespace ambit::cli
