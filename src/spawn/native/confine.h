#pragma once
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"

namespace ambit::spawn::native {

/// Puts the calling process, which is init in its finished root, behind the walls for good:
/// session keyring left, core dumps off, capabilities gone, Landlock, seccomp. Everything that is
/// ever started inside is a descendant and inherits them. Returns the filter's listener, which
/// hears of renames (rename_service.h) and of what is put on record (witness.h); empty where
/// neither is wanted. From here on the caller makes no call that it would be told of itself: it
/// would wait for its own answer.
StageResult<Fd> Confine(const plan::LaunchPlan& plan);

/// Its walls one by one, in this order: the second and the third need the first.
StageResult<void> GiveUpPrivileges();
StageResult<void> RestateFileSystem(const plan::LaunchPlan& plan);
StageResult<Fd> CloseSystemCalls(const plan::LaunchPlan& plan);

}  // namespace ambit::spawn::native
