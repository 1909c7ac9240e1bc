#pragma once
// From what a person asked for to how it ended: facts, plan, state directory, supervision, record.
#include <optional>

#include "base/error.h"
#include "plan/launch_plan.h"
#include "plan/not_started.h"
#include "supervise/outcome.h"
#include "supervise/run_request.h"

namespace ambit::supervise {

/// What a run would be.
struct Preview {
  plan::LaunchPlan plan;
  std::optional<plan::NotStarted> not_started;  // its command would not be found inside
};

/// The plan that a run of `request` would have, and nothing else: no state, no process. As root the
/// ids are those that are free just now.
Result<Preview> PlanRun(const RunRequest& request, const RunObserver& observer);

/// Executes one run to its end. Precondition: one thread, no child. An error means that nothing was
/// started at all (bad request, no plan); a primitive that is missing, and everything later, is an
/// Outcome.
Result<Outcome> Run(const RunRequest& request, const OpenSink& open_sink,
                    const RunObserver& observer);

}  // namespace ambit::supervise
