#pragma once
// Directory access for readers of an overlay's layers: names, types and marks, by descriptor only.
// Who calls: change_walk.cc, and of review what looks up single paths.
#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "workspace/change_walk.h"

namespace ambit::workspace {

/// lstat of `name` below `dir`; nullopt when there is none (or `dir` is -1).
std::optional<struct stat> StatOf(int dir, const std::string& name);

/// As StatOf, for a lower layer: a whiteout there hides the name from the overlay as well.
std::optional<struct stat> LowerStatOf(int dir, const std::string& name);

bool IsWhiteoutDevice(const struct stat& info);

/// Gives the owner of a plain file or a directory, when that is who calls, the permission to read
/// it (a directory also to be entered) that an agent took away; `info` is told anew. False: they
/// have it, it is somebody else's, or it cannot be done.
bool LetOwnerRead(int dir, const std::string& name, struct stat& info);

Result<Fd> OpenDirectory(int dir, const std::string& name);

/// All names of a directory but "." and "..", unsorted.
Result<std::vector<std::string>> NamesIn(int dir);

/// The target of a symbolic link; empty when it cannot be read.
std::string LinkTargetOf(int dir, const std::string& name);

/// Reads the overlay's marks of one flavour. Escaped names (user.overlay.overlay.*) are never
/// asked for, so that what an agent wrote stays data.
class MarkReader {
 public:
  explicit MarkReader(OverlayFlavour flavour);

  /// The mark `name` ("opaque", "redirect") of an open directory.
  Result<std::optional<std::string>> OfDirectory(int dir, const char* name) const;
  /// Whether the file `name` of `dir` carries the mark; links are not followed.
  Result<bool> FileHas(int dir, const std::string& name, const char* mark) const;

 private:
  std::string prefix_;
};

/// kDenied when this process would read no trusted.* attribute, and so see no mark at all.
Status CheckMarksReadable(OverlayFlavour flavour);

enum class Comparison : std::uint8_t { kEqual, kDifferent, kUnreadable };

/// Whether two plain files hold the same bytes; their sizes are known to be equal.
Comparison CompareContent(int left_dir, const std::string& left, int right_dir,
                          const std::string& right);

}  // namespace ambit::workspace
