#pragma once
// What stays in a run's repository when `ambit branch NAME` has brought its HEAD. Who calls:
// branch, apply and the end of an interactive run, where they speak of git.
#include <string>

#include "workspace/run_store.h"

namespace ambit::cli {

/// Names the branches and stashes on stderr, the first of them, with the command that brings one;
/// nothing when there are none. `run_path` is the run's directory. What cannot be read is told.
void NameOtherRefs(const workspace::RunMeta& run, const std::string& run_path);

}  // namespace ambit::cli
