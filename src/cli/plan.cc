#include "plan/plan.h"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/cli.h"
#include "cli/effective_policy.h"
#include "cli/run.h"
#include "plan/plan_json.h"
#include "supervise/probe.h"
#include "supervise/run.h"

namespace ambit::cli {
namespace {

struct PlanFlags {
  RunFlags run;
  bool json = false;
};

/// Which way to capture connections this kernel has shows when one is built.
void TryCapture(plan::LaunchPlan& plan) {
  if (plan.network.capture != policy::Capture::kAuto) return;
  const auto capture = supervise::ProbeCapture({.plan = plan, .places = {}});
  if (capture) {
    plan.network.capture = *capture;
  } else {
    Say(fmt::format("the network cannot be tried here: {}", capture.error().error.what));
  }
}

Status PrintPlan(const PlanFlags& flags) {
  AMBIT_TRY(const EffectivePolicy effective, FindPolicy(flags.run.policy, flags.run.argv.front()));
  TellWhatIsLeftOut(effective);
  for (const std::string& note : effective.loaded.notes) Say(note);
  const supervise::RunRequest request = RequestFor(flags.run, effective);
  AMBIT_TRY(supervise::Preview preview,
            supervise::PlanRun(request, {.on_planned = {}, .on_warning = Say}));
  TryCapture(preview.plan);
  if (preview.not_started) {
    Say(preview.not_started->what);
    Say(preview.not_started->remedy);
  }
  return ToStdout(flags.json ? plan::EncodeJson(preview.plan) : plan::Describe(preview.plan));
}

}  // namespace

void AddPlan(NewCommand ambit) {
  auto flags = std::make_shared<PlanFlags>();
  NewCommand plan = ambit.AddCommand("plan", "Print what a run would be, and start nothing");
  flags->run.policy.AddTo(plan);
  plan.AddFlag("--json", flags->json, "As plan.json of a run");
  plan.AddArgument("command", flags->run.argv, "Command and arguments, after --").Required();
  plan.Does([flags] { return PrintPlan(*flags); });
}

}  // namespace ambit::cli
