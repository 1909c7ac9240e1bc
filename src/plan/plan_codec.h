#pragma once
// A LaunchPlan as bytes, for the way from the supervisor to the processes inside that build it.
// Left out are `root` and `home_files`: what they say is on disk by then (workspace/root_tree.h,
// workspace/home_files.h), and most of the bytes. Both ends are one binary and one run: the format
// has no versions and is never stored. Who calls: spawn/native/handover.cc. Pure.
#include <string>
#include <string_view>

#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::plan {

std::string Encode(const LaunchPlan& plan);

/// kInvalidArgument when the bytes are not what Encode gives.
Result<LaunchPlan> Decode(std::string_view bytes);

}  // namespace ambit::plan
