#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

/// What a layer's lower directory was when the layer was prepared.
struct LayerStart {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t stamp_ns = 0;  // stamp.h
};

/// Makes the directories of the plan's copy-on-write layers in a new run directory: upper/NAME and
/// work/NAME (and mask/NAME with the masked files), with the mode of the lower directory, since
/// the uppermost layer's attributes are what the agent sees. As root they belong to the disk owner,
/// so that what the agent leaves there needs no translation later. Returns one start for each
/// layer.
Result<std::vector<LayerStart>> PrepareLayers(int run_dir, const plan::LaunchPlan& plan);

/// The kernel leaves scratch directories of the overlay with mode 0, which a person's `rm -r` would
/// stumble over: opens them when the run is over. Best effort, nothing depends on it.
void MakeScratchRemovable(const std::string& run_path, const plan::LaunchPlan& plan);

/// The same for one layer's work directory, such as RUN/work/project.
void MakeScratchRemovable(std::string work_path);

}  // namespace ambit::workspace
