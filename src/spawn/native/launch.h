#pragma once
// Starts init in the native tier: one clone3 with all namespaces but that of the control groups,
// which init makes when it is in its own: the root of a new one is the group of who clones, also
// where the child is born in another (copy_cgroup_ns in kernel/cgroup/namespace.c). The only place
// that clones for a run.
#include <linux/sched.h>

#include <cstdint>

#include "base/fd.h"
#include "spawn/native/init.h"
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

/// A new cgroup namespace, whose roots are the groups that the caller is in by now.
StageResult<void> RootOwnCgroups();

struct LaunchInputs {
  InitInputs init;
  int to_init;        // the supervisor's end of init.control
  int to_supervisor;  // where the supervisor hears of init
  int born_in = -1;   // the directory of the v2 group that init is born in; -1: it goes in later
};

/// Called in the first child of the supervisor, so that the supervisor plans while the kernel makes
/// namespaces. Init becomes the supervisor's child (CLONE_PARENT); its identity is mapped and it is
/// told to begin; the supervisor hears of it as AwaitInit takes it. Where it cannot be told the
/// process ends, which says as much. The caller goes on to close every descriptor of this.
void Launch(const LaunchInputs& inputs);

/// Blocks until Launch, in another process, has said how it went. Init is the caller's child, also
/// when `error` is set; without a pidfd there is no init.
struct LaunchedInit {
  Fd pidfd;
  pid_t pid = 0;
  StageResult<void> status;
};
LaunchedInit AwaitInit(int from_launcher);

}  // namespace ambit::spawn::native
