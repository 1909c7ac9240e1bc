#pragma once
// Large files that the first write of a run copied whole into its layer: why a run became slow, or
// its layer large. Looked for when the run is over, in the upper layer alone, from the top
// downwards until kMaxLookedForCopyUps names were seen: it explains, nothing depends on it. The
// kernel notes on a copy that it had an original (fs/overlayfs/copy_up.c, ovl_set_origin). Who
// calls: supervise, at a run's end. Errors: kDenied and kIo; what is unreadable further down is
// passed over.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "workspace/change_walk.h"

namespace ambit::workspace {

inline constexpr std::uint64_t kBigCopyUpBytes = 64U << 20;
inline constexpr std::size_t kMaxCopyUpsNamed = 100;
inline constexpr std::size_t kMaxLookedForCopyUps = 50'000;  // names

struct CopiedUp {
  std::string path;  // raw bytes, relative to the layer
  std::uint64_t bytes = 0;
};

/// The plain files of at least `min_bytes` that have an original below, in no order.
Result<std::vector<CopiedUp>> FindCopiedUp(const OverlayLayer& layer,
                                           std::uint64_t min_bytes = kBigCopyUpBytes);

}  // namespace ambit::workspace
