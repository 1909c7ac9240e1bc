#pragma once
// A file system of a run's own, of a fixed size, in the place of upper/, work/ and home/ while the
// run lasts (policy::DiskBacking). It is mounted nowhere: whoever holds its descriptor holds it, so
// nothing of it outlives the processes of the run. At the end what was written is brought home
// into the run's directory, where every review looks for it.
// Who calls: spawn makes it, the supervisor brings it home.
// Errors: what the kernel refuses, by name; kUnsupported with the way out where it cannot be made.
#include <cstdint>

#include "base/error.h"
#include "base/fd.h"
#include "plan/launch_plan.h"

namespace ambit::workspace {

/// Empty for policy::DiskBacking::kDisk. Its content is what has been prepared in `run_dir`.
/// The image is a file of the limit's size in `run_dir`, as root, on a loop device that goes when
/// the last descriptor does. All of its blocks are taken at once: kLimit where there are not as
/// many.
Result<Fd> MakeBacking(const plan::LaunchPlan& plan, int run_dir);

/// Every process of the run has ended. The prepared upper/ and home/ of `run_dir` are replaced by
/// what was written, each in one step. An error names the first file that did not come; all others
/// did. Removes the image, unless the disk was too full for what is in it: then everything stays
/// there, and BringHomeFromImage can be called again.
Status BringHome(int backing, int run_dir);

/// What ambit itself puts there is not taken from the agent's inodes.
inline constexpr std::uint64_t kOwnInodes = 64;

/// In the run's directory, while the run lasts and after a crash of ambit.
inline constexpr const char* kImage = "layers.img";
/// Half of what is being brought home.
inline constexpr const char* kIncoming = "incoming";

/// What a run left in its image when its supervisor was killed; nothing when there is no image.
Status BringHomeFromImage(int run_dir);

}  // namespace ambit::workspace
