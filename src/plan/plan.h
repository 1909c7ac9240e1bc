#pragma once
// Makes the LaunchPlan of a run. Pure: no I/O, no clock, no randomness; equal inputs give equal
// plans, so every list in it is held by a golden test.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/facts.h"
#include "host/git_config.h"
#include "host/git_project.h"
#include "plan/launch_plan.h"
#include "policy/policy.h"

namespace ambit::plan {

/// What a policy and the ids of a run decide by themselves. kInvalidArgument names the bad field.
Result<Foundation> MakeFoundation(const policy::Policy& policy, const Identity& identity,
                                  const std::map<std::string, std::string>& environment);

/// The same, out of a finished plan.
Foundation FoundationOf(const LaunchPlan& plan);

struct Request {
  std::vector<std::string> argv;
  Identity identity;  // complete
  host::GitProject git;
  std::vector<host::MaskedFile> secrets;  // host/secret_files.h
  std::vector<std::string> credentials;   // of tools that are shown: host/tool_credentials.h
  host::UserIdentity author;              // git's user.name and user.email
  Machine machine;
};

/// Errors: kInvalidArgument with the field or path that cannot be planned and the way out.
Result<LaunchPlan> Make(const policy::Policy& policy, const host::HostFacts& facts,
                        const Request& request);

/// Whether the launcher's variable `name` may cross with no policy at all.
bool IsBaseEnvironment(std::string_view name);

/// The plan as stable text: one line per entry, credentials and environment values left out.
std::string Describe(const LaunchPlan& plan);

}  // namespace ambit::plan
