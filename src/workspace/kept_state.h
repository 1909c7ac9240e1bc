#pragma once
// What agents keep from run to run of one project ([fs] keep), beside the runs:
//   ROOT/<project>/<place>/  0700   about: whose it is   content/: what runs see, the agent's own
// Everything in content/ was written by agents: ambit never reads it and never goes through it, and
// what lies above it no run sees. Only the content directory itself is looked at and mounted.
// Nothing removes it but a person. Who calls: supervise (PrepareKept), cli (the rest).
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

/// Where it is kept: beside the runs of `runs_root`.
std::string KeptBeside(const std::string& runs_root);

/// Makes what is missing for the plan's kept directories below `root`, which is made as
/// RunStore::Open does, with the same refusals. Returns the real path of `root`; empty when nothing
/// is kept. Errors: kDenied for a directory that is another project's or owner's by now.
Result<std::string> PrepareKept(const std::string& root, const plan::LaunchPlan& plan);

struct KeptDirectory {
  std::string name;         // <project>/<place>
  std::string project;      // escaped as by Printable
  std::string place;        // ~/..., escaped as well
  std::uint64_t bytes = 0;  // on disk, at least
};

/// All of them, by project and place. What has no record is left out. An empty list when `root`
/// does not exist.
Result<std::vector<KeptDirectory>> ListKept(const std::string& root);

/// Removes one with all in it. For runs it is gone at once, whatever an interruption leaves.
Status RemoveKept(const std::string& root, const KeptDirectory& kept);

}  // namespace ambit::workspace
