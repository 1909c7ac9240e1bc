#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::spawn::native {

/// Starts the plan's command as a child of init, as a shell starts a job: in a process group of its
/// own with default signal handling. `terminal` >= 0: the side of a pty, the controlling terminal,
/// that replaces those of 0, 1, 2 that are terminals, with the agent in its foreground.
/// Errors: the errno of execve as a person would expect it: kNotFound (ENOENT: no such command in
/// PATH, or no such file), kDenied (EACCES: not executable).
Result<pid_t> StartAgent(const plan::LaunchPlan& plan, int terminal);

}  // namespace ambit::spawn::native
