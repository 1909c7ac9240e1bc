#pragma once
// The way of a finished plan to the processes inside, which exist before it does. The bytes go in a
// file in memory, because a message could be too small for them; the descriptor goes in a message.
// Who calls: the supervisor writes and sends, init and its helper receive. The supervisor is
// trusted: what is checked here is that it was complete.
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"

namespace ambit::spawn::native {

struct Handover {
  plan::LaunchPlan plan;
  Places places;
};

Result<Fd> WriteHandover(const plan::LaunchPlan& plan, const Places& places);

Status SendHandover(int socket, const Fd& handover);

/// Blocks. Goes into the control groups that are sent before. kInit when the sender is gone or sent
/// something else.
StageResult<Handover> ReceiveHandover(int socket);

}  // namespace ambit::spawn::native
