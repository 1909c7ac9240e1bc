#pragma once
// What a person has approved or denied for good, outside of the policy files that they write
// themselves: `ambit approve --project` and `--always` put it there, and every later run reads it
// like the person's own policy. One file for each project beside the runs, one for all beside
// config.toml; nothing inside a run can see or reach either.
// Who calls: approve.cc and run.cc (Write), effective_policy.cc (the paths). Errors: of the file
// system; kInvalidArgument for a file that is no longer what ambit writes.
#include <string>

#include "base/error.h"
#include "host/facts.h"
#include "supervise/approvals.h"

namespace ambit::cli {

/// Of all projects.
std::string ApprovedAlwaysPath(const host::Person& person);
/// `runs_root` as RunsRootOf gives it; `project` is a real path.
std::string ApprovedInProjectPath(const std::string& runs_root, const std::string& project);

/// What is meant for later runs of the project, or for all, is added to the list of what is allowed
/// or denied there, and taken out of the other one; of shorter answers nothing is written.
Status WriteApproved(const host::Person& person, const std::string& project,
                     const supervise::Approvals::Verdict& verdict);

}  // namespace ambit::cli
