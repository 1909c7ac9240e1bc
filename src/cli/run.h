#pragma once
// What `ambit run` and its kin (`ambit plan`, `ambit shell`, `ambit policy`) share. Who calls:
// those.
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command_line.h"
#include "cli/effective_policy.h"
#include "cli/policy_flags.h"
#include "supervise/run.h"

namespace ambit::cli {

struct RunFlags {
  PolicyFlags policy;
  bool keep = false;
  bool raw_terminal = false;
  bool quiet = false;
  std::vector<std::string> argv;

  /// All but the command.
  void AddTo(NewCommand command);
};

supervise::RunRequest RequestFor(const RunFlags& flags, const EffectivePolicy& effective);

/// What a run of `argv` (`true` when empty) would be: paths that are not there, or that no run
/// shows, are errors. `tell_every_pattern`: see supervise::RunRequest.
Result<plan::LaunchPlan> PlanOf(const EffectivePolicy& effective,
                                const std::vector<std::string>& argv,
                                bool tell_every_pattern = false);

/// Executes the run; returns the exit code. Errors have been told.
int ExecuteRun(const RunFlags& flags);

/// What policy files ask for and do not get, a line each, and how a project's file is trusted.
void TellWhatIsLeftOut(const EffectivePolicy& effective);

/// "ambit: TEXT" on stderr.
void Say(const std::string& text);

}  // namespace ambit::cli
