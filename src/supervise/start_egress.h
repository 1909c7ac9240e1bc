#pragma once
#include <functional>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "egress/egress.h"
#include "egress/report.h"
#include "host/primitives.h"
#include "plan/launch_plan.h"
#include "sys/process.h"

namespace ambit::supervise {

struct EgressStart {
  const plan::Foundation& foundation;
  int life_line;  // read end: egress ends when the last write end is closed
  Fd control;     // egress' end
  std::vector<egress::PublishedListener> published = {};
  /// What it does before all else: launching init is for a child of the supervisor to do.
  std::function<void()> before = [] {};
};

/// Forks the egress process of a run. It takes the run's listeners from, and reports to, the other
/// end of `control`. What was published is its own from then on.
Result<sys::Child> StartEgress(EgressStart start);

/// What a kFailed report of egress means: the primitive behind the step that failed.
host::Primitive PrimitiveOf(egress::Stage stage);
Error ErrorOf(const egress::EgressReport& report);

}  // namespace ambit::supervise
