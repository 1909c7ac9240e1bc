#pragma once
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"

namespace ambit::spawn::native {

/// Puts the calling process, which is init in its finished root, behind the walls for good:
/// session keyring left, core dumps off, capabilities gone, Landlock, seccomp. Everything that is
/// ever started inside is a descendant and inherits them.
StageResult<void> Confine(const plan::LaunchPlan& plan);

}  // namespace ambit::spawn::native
