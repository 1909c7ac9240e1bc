#pragma once
#include <sys/types.h>

#include <functional>

#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::spawn::native {

/// Starts the plan's command as a child of init, as a shell starts a job: in a process group of its
/// own with default signal handling. `terminal` >= 0: the side of a pty, the controlling terminal,
/// that replaces those of 0, 1, 2 that are terminals, with the agent in its foreground.
/// `meanwhile.forked` is called with the child, `meanwhile.told` whenever the filter's `listener`
/// (-1: none) is readable: the child's execve waits for an answer.
/// Errors: the errno of execve as a person would expect it: kNotFound (ENOENT: no such command in
/// PATH, or no such file), kDenied (EACCES: not executable).
struct Meanwhile {
  int listener = -1;
  std::function<void(pid_t child)> forked;
  std::function<void()> told;
};
Result<pid_t> StartAgent(const plan::LaunchPlan& plan, int terminal, const Meanwhile& meanwhile);

}  // namespace ambit::spawn::native
