#pragma once
// A run's tree as the agent saw it last: the upper layer over the host's directory with its masks,
// put together
// name by name without mounting anything. Both sides are read by descriptor, no link is followed.
// Who calls: branch and its parts, for single paths; walking all of it is WalkChanges' work.
// Errors: kUnsupported and kDenied as WalkChanges. A path that leads nowhere is no error.
// The marks' meaning: change_walk.h.
#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "workspace/change_dir.h"
#include "workspace/change_walk.h"
#include "workspace/masks.h"

namespace ambit::review {

/// The file or link a path names: `name` in the open directory `parent`.
struct MergedFile {
  Fd parent;
  std::string name;
  struct stat info{};
};

class MergedView {
 public:
  static Result<MergedView> Open(const workspace::OverlayLayer& layer);

  /// What `path` (relative, no "." or "..") names; nullopt when there is nothing.
  Result<std::optional<MergedFile>> Find(std::string_view path) const;

  /// The plain file `path`; nullopt when there is none. kInvalidArgument for what is not plain,
  /// kLimit above `max_bytes`.
  Result<std::optional<std::string>> Read(std::string_view path, std::size_t max_bytes) const;

  int upper() const { return upper_.get(); }
  int lower() const { return lower_.get(); }
  const workspace::Masks& masks() const { return masks_; }

 private:
  MergedView(const workspace::OverlayLayer& layer, Fd upper, Fd lower, workspace::Masks masks)
      : marks_(layer.flavour),
        honour_redirects_(layer.redirect_dir &&
                          layer.flavour == workspace::OverlayFlavour::kTrusted),
        upper_(std::move(upper)),
        lower_(std::move(lower)),
        masks_(std::move(masks)) {}

  /// One directory of both sides; either may be missing.
  struct Pair {
    Fd upper;
    Fd lower;
    std::string lower_path;  // of the lower side, with a '/' at its end; empty for the top
    bool xattr_whiteouts = false;
  };
  Status EnterLower(const Pair& pair, const std::string& name, Pair& inner) const;
  Result<bool> IsHidden(const Pair& pair, const std::string& name, const struct stat& info) const;
  Result<Pair> Enter(const Pair& pair, const std::string& name) const;
  Status FindLowerOf(const Pair& pair, const std::string& name, Pair& inner) const;
  Result<std::optional<MergedFile>> LowerFile(Pair& pair, const std::string& name) const;

  workspace::MarkReader marks_;
  bool honour_redirects_;
  Fd upper_;
  Fd lower_;
  workspace::Masks masks_;
};

}  // namespace ambit::review
