#pragma once
#include "plan/launch_plan.h"

namespace ambit::spawn::native {

struct InitInputs {
  const plan::Foundation& foundation;
  int control;            // seqpacket to the supervisor; the plan comes here (handover.h)
  int trees;              // seqpacket to the supervisor: as root the mounts of the host come here
                          // (trees.h), as a user the plan once more, for who opens them inside
  int life_line;          // read end; EOF means the supervisor is gone
  int egress;             // where the listeners made inside are sent
  int witness = -1;       // stream to the supervisor: what happens inside (witness.h)
  int user_lock = -1;     // as root: holds the run's host uid until the last process is gone
  bool terminal = false;  // make a pty and hand its master to the supervisor
};

/// Pid 1 of a run. Waits for its identity, makes the network, waits for the plan, builds the walls
/// around itself, reports, starts the agent when told, reaps, forwards signals; leaves when the
/// agent or the supervisor has left, and takes every process of the run with it. When the agent has
/// left while a directory was being made movable (rename_service.h) that is taken back first, for
/// at most 10 seconds; when the supervisor has left nothing is waited for.
[[noreturn]] void RunInit(const InitInputs& inputs);

}  // namespace ambit::spawn::native
