#pragma once
#include "base/error.h"
#include "base/fd.h"
#include "egress/report.h"
#include "host/primitives.h"
#include "plan/launch_plan.h"
#include "sys/process.h"

namespace ambit::supervise {

/// Forks the egress process of a run. It takes the listeners from, and reports to, the other end of
/// `control`, and ends when the last write end of `life_line` is closed.
Result<sys::Child> StartEgress(const plan::LaunchPlan& plan, int life_line, Fd control);

/// What a kFailed report of egress means: the primitive behind the step that failed.
host::Primitive PrimitiveOf(egress::Stage stage);
Error ErrorOf(const egress::EgressReport& report);

}  // namespace ambit::supervise
