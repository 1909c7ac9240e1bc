#pragma once
// A LaunchPlan as JSON: what `plan.json` in the run's directory records of how a run was made.
// Pure. Left out: the values of environment variables and the contents of masked files, because
// the record outlives the run. Who calls: supervise; `ambit why` reads it.
#include <string>
#include <string_view>

#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::plan {

inline constexpr int kPlanFormat = 1;

/// One JSON object and a line break. Paths and words that are not UTF-8 are kept: {"hex": "..."}.
std::string EncodeJson(const LaunchPlan& plan);

/// Of what EncodeJson wrote, as much as tells what is visible inside: paths, mounts, layers, masks,
/// host ports, limits, the command. kInvalidArgument for what is no such plan.
Result<LaunchPlan> DecodeJson(std::string_view text);

}  // namespace ambit::plan
