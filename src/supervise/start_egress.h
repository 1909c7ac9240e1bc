#pragma once
#include <functional>

#include "base/error.h"
#include "base/fd.h"
#include "egress/report.h"
#include "host/primitives.h"
#include "plan/launch_plan.h"
#include "sys/process.h"

namespace ambit::supervise {

/// Forks the egress process of a run, which first does what `before` says (launching init is for a
/// child of the supervisor to do). It takes the listeners from, and reports to, the other end of
/// `control`, and ends when the last write end of `life_line` is closed.
Result<sys::Child> StartEgress(
    const plan::Foundation& foundation, int life_line, Fd control,
    const std::function<void()>& before = [] {});

/// What a kFailed report of egress means: the primitive behind the step that failed.
host::Primitive PrimitiveOf(egress::Stage stage);
Error ErrorOf(const egress::EgressReport& report);

}  // namespace ambit::supervise
