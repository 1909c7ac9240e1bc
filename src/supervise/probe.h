#pragma once
// One primitive at a time, performed by the functions a run performs it with, in a child that is
// gone afterwards. For `ambit doctor`, after a rehearsal of the whole run has failed: what else is
// missing? No program is ever started here.
#include <string>

#include "host/primitives.h"
#include "plan/launch_plan.h"
#include "spawn/native/trees.h"

namespace ambit::supervise {

struct ProbeInputs {
  const plan::LaunchPlan& plan;
  const spawn::native::Places& places;  // of the rehearsed run: layers prepared
  bool namespaces = true;  // all can be made: probe inside them what a run does inside them
};

/// An error that names another primitive means that this one could not be reached without it.
/// Precondition: one thread. kInit, kRunUser and kStateDirectory have no probe: they stand when
/// there is a run to rehearse.
spawn::native::StageResult<void> Probe(host::Primitive primitive, const ProbeInputs& inputs);

/// How a run of the plan would capture connections here; of Primitive::kNetwork. `inputs.places`
/// is not looked at.
spawn::native::StageResult<policy::Capture> ProbeCapture(const ProbeInputs& inputs);

/// For people: "redirect (...)", with what it costs a run.
std::string DescribeCapture(policy::Capture capture);

}  // namespace ambit::supervise
