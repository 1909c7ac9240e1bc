#pragma once
// The two sides of a change as text. Who calls: unified.cc and summary.cc.
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "workspace/change_walk.h"
#include "workspace/masks.h"

namespace ambit::review {

enum class SideState : std::uint8_t { kText, kBinary, kTooLarge, kUnreadable };

struct Side {
  SideState state = SideState::kText;
  std::uint64_t bytes = 0;
  std::string text;  // for kText
};

class Layers {
 public:
  static Result<Layers> Open(const workspace::OverlayLayer& layer);

  /// A plain file's bytes or a link's target, as the run saw it. `max_bytes`: above it is
  /// kTooLarge.
  Side Old(const std::string& path, mode_t mode, std::uint64_t max_bytes) const;
  Side New(const std::string& path, mode_t mode, std::uint64_t max_bytes) const;
  int lower() const { return lower_.get(); }
  const workspace::Masks& masks() const { return masks_; }

 private:
  Layers(Fd lower, workspace::Masks masks, Fd upper)
      : lower_(std::move(lower)), masks_(std::move(masks)), upper_(std::move(upper)) {}
  Fd lower_;
  workspace::Masks masks_;
  Fd upper_;
};

}  // namespace ambit::review
