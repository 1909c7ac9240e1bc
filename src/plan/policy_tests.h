#pragma once
// A policy carries its own tests: what must not be in the plan, or must be. Pure.
// Who calls: supervise, before anything starts, and `ambit policy test`.
#include <span>
#include <string>
#include <vector>

#include "plan/launch_plan.h"
#include "policy/document.h"

namespace ambit::plan {

/// The tests that do not hold, a line each with file, line and column; empty: all do.
std::vector<std::string> FailedTests(const LaunchPlan& plan,
                                     std::span<const policy::TestCase> tests);

}  // namespace ambit::plan
