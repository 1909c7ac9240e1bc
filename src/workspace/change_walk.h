#pragma once
// What a run changed, read from the upper layer of its overlay: the cost follows the changes, not
// the project. The lower layer is looked at only for names that stand in the upper, and listed only
// below directories that were deleted, replaced or renamed.
// The upper is hostile: it is walked by descriptor, no link is followed, no FIFO or device opened,
// names are raw bytes, depth is bounded by kMaxDepth and the list by kMaxChanges. What its owner
// may not read is made readable to them first, where the layer says that nobody works in it any
// more; the list then has the mode that it has now. It may change while it is read (a live run);
// the result then shows each name as it was when looked at. Precondition: the overlay is not
// mounted with metacopy (refused with kUnsupported where found). Known limits: a renamed plain file
// is a Deleted and an Added; owners and times are not compared; a hard-linked pair that the overlay
// broke is a Modified of the written name. Marks source: Documentation/filesystems/overlayfs.rst,
// "whiteouts and opaque directories", "redirect_dir", "Nesting overlayfs mounts" (an agent's own
// user.overlay.* is stored escaped).
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::workspace {

/// Which extended attributes are marks of the kernel; those of the other flavour are plain data.
enum class OverlayFlavour : std::uint8_t {
  kUser,     // user.overlay.*, mounted with userxattr
  kTrusted,  // trusted.overlay.*, readable with CAP_SYS_ADMIN only
};

struct OverlayLayer {
  std::string lower;  // absolute host path
  std::string upper;  // absolute host path
  std::string mask;   // absolute host path; empty: nothing was masked (masks.h)
  OverlayFlavour flavour = OverlayFlavour::kUser;
  bool redirect_dir = false;  // honour redirect marks (flavour kTrusted only)
  bool at_rest = false;       // its run has ended
};

enum class ChangeKind : std::uint8_t {
  kAdded,
  kModified,  // content (or a link's target), perhaps the mode too
  kDeleted,
  kTypeChanged,  // the name is now something of another type
  kModeChanged,  // permission bits only
  kRenamed,      // a directory, with all in it that no other change names
};

/// One change. `old_path` names the original in the tree as it was, `path` the result in the tree
/// as it is; they differ for kRenamed and for everything below a renamed directory. To make the
/// old tree the new one: first, deepest old_path first, remove what is kDeleted and set aside what
/// is kRenamed; then, in the order of the list, do the others.
struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  std::string path;      // raw bytes, relative to the layer; for kDeleted equal to old_path
  std::string old_path;  // empty for kAdded
  mode_t old_mode = 0;   // st_mode with the type; 0 for kAdded
  mode_t new_mode = 0;   // 0 for kDeleted
  std::uint64_t old_bytes = 0;
  std::uint64_t new_bytes = 0;
  std::string link_target;  // of a symbolic link that is new or changed
  bool unreadable = false;  // content or list could not be read: taken as changed
  bool opened = false;      // its owner could not read it until now (OverlayLayer::at_rest)
};

/// Everything below a `.git`, as one entry: apply never writes there.
struct GitChange {
  std::string path;       // up to and with `.git`
  std::size_t files = 0;  // names below it (or itself) that changed, directories not counted
};

struct ChangeSet {
  std::vector<Change> changes;  // sorted by path, a directory before what it holds
  std::vector<GitChange> git;
  bool truncated = false;  // a bound was reached: the list is not all
};

inline constexpr std::size_t kMaxDepth = 4096;
inline constexpr std::size_t kMaxChanges = 2'000'000;
inline constexpr std::size_t kMaxPathBytes = 512U << 20;  // all paths of the list together

/// Errors: kDenied when the marks of the flavour cannot be read by this process, kUnsupported for
/// metacopy, kIo and kNotFound for the layers themselves. What is unreadable further down is
/// reported in the list instead.
Result<ChangeSet> WalkChanges(const OverlayLayer& layer,
                              std::size_t max_path_bytes = kMaxPathBytes);

/// Opens the relative `path` below `root` one component at a time, no link followed; any length.
/// `flags` go to the last component; O_NOFOLLOW, O_NONBLOCK, O_NOCTTY and O_CLOEXEC are added.
Result<Fd> OpenNoFollow(int root, std::string_view path, int flags);

/// The plain file `path` below `root`, opened for reading; kInvalidArgument when it is not plain.
Result<Fd> OpenPlainFile(int root, std::string_view path);

/// The plain files and symbolic links below the directory `path` of `root`, as paths relative to
/// `root`, at most `max_entries`; `.git` is left out.
Result<std::vector<std::string>> ListFiles(int root, std::string_view path,
                                           std::size_t max_entries);

}  // namespace ambit::workspace
