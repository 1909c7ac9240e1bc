#pragma once
// From a request to its plan: facts of the host are read, paths that the policy names become real
// ones, nothing is made. Who calls: run, doctor.
#include <optional>
#include <string>

#include "base/error.h"
#include "host/facts.h"
#include "plan/plan.h"
#include "supervise/run_request.h"
#include "supervise/run_user.h"

namespace ambit::supervise {

struct Planned {
  plan::LaunchPlan plan;
  host::HostFacts facts;
  std::string head_commit;  // of the project's repository, before anything of the run
};

/// What limits are measured against and held by. `state_root`: where the runs are kept;
/// `with_disk`: the disk there, too, which only the limit on io needs.
Result<plan::Machine> ReadMachine(const std::string& state_root, bool with_disk);

/// The ids of a run, which are known before anything of the host. `user`: only as root.
plan::Identity MakeIdentity(const std::optional<RunUser>& user);

/// Errors: kInvalidArgument with a line for each path of the policy that cannot be shown; what
/// plan::Make refuses.
Result<Planned> MakePlan(const RunRequest& request, const plan::Identity& identity,
                         const RunObserver& observer);

}  // namespace ambit::supervise
