#pragma once
// Starts a LaunchPlan in the native tier: one clone3 with all seven namespaces. The only place that
// clones for a run.
#include <linux/sched.h>

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"
#include "sys/process.h"

namespace ambit::spawn::native {

/// The primitive that a failed clone3 without namespaces stands for: a call that is refused is part
/// of what makes namespaces; otherwise a limit was reached.
host::Primitive PrimitiveOfClone(const Error& error);
/// The same for one with every namespace. Finds out whether it is the user namespace.
host::Primitive PrimitiveOfNamespaces(const Error& error);

inline constexpr std::uint64_t kAllNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |
                                                CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                                                CLONE_NEWCGROUP;

struct LaunchInputs {
  const plan::LaunchPlan& plan;
  const std::string& run_path;  // the run's state directory, layers prepared
  int life_line;                // read end of the pipe whose write end only the caller keeps
  int egress;                   // the channel on which egress takes listeners
  int user_lock = -1;           // as root
  bool terminal = false;
};

struct Launched {
  sys::Child init;
  Fd control;  // the supervisor's end; see protocol.h
};

/// Returns when init may go; it then reports kReady or kFailed on `control`. On an error nothing is
/// left behind. Precondition: the caller has one thread and its environment is scrubbed.
StageResult<Launched> Launch(const LaunchInputs& inputs);

}  // namespace ambit::spawn::native
