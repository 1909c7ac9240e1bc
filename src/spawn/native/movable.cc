#include "spawn/native/movable.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spawn/native/tree_mirror.h"

namespace ambit::spawn::native {
namespace {

/// Rounds of catching up with who writes in the directory meanwhile.
constexpr int kMostRounds = 64;

/// Makes our directory one that nothing can be renamed over.
std::string PlaceTaken(const Replacement& replacement) { return replacement.ours + "/taken"; }

/// Gives the directory `from` beside ours the name `to`; 0 or an errno.
int Rename(const Replacement& replacement, const std::string& from, const std::string& to,
           unsigned flags = 0) {
  const int parent = replacement.parent;
  return ::renameat2(parent, from.c_str(), parent, to.c_str(), flags) == 0 ? 0 : errno;
}

/// Asks the kernel whether it would move the directory, with a rename that must fail: it refuses
/// a lower directory (EXDEV) before it finds that the place is taken by one that is not empty.
bool IsRefusedToMove(const Replacement& replacement) {
  const std::string inside = PlaceTaken(replacement);
  if (::mkdirat(replacement.parent, inside.c_str(), S_IRWXU) != 0) return false;
  const int error = Rename(replacement, replacement.name, replacement.ours);
  if (error == 0) {  // somebody has emptied our directory
    (void)Rename(replacement, replacement.ours, replacement.name);
    return false;
  }
  ::unlinkat(replacement.parent, inside.c_str(), AT_REMOVEDIR);
  return error == EXDEV;
}

/// Ours is renamed over the directory on success.
int Replace(const Replacement& replacement) {
  const Fd old_tree = OpenDirectory(replacement.parent, replacement.name.c_str());
  if (!old_tree) return errno;
  const Fd new_tree = OpenDirectory(replacement.parent, replacement.ours.c_str());
  if (!new_tree) return errno;
  TreeMirror forth(old_tree.get(), new_tree.get());
  if (const int error = forth.FindObstacle(); error != 0) return error;
  replacement.stage = MoveStage::kFilling;
  if (const int error = forth.Fill(); error != 0) return error;
  replacement.stage = MoveStage::kEmptying;
  for (int round = 0; round < kMostRounds; ++round) {
    int error = forth.Drain();
    if (error == 0) error = Rename(replacement, replacement.ours, replacement.name);
    if (error != ENOTEMPTY) return error;
  }
  return EBUSY;
}

int RemoveEmpty(const Replacement& replacement) {
  const int removed = ::unlinkat(replacement.parent, replacement.ours.c_str(), AT_REMOVEDIR);
  return removed == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

std::string NameForOurs() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) return {};
  return fmt::format("{}{:016x}", kMovingPrefix, number);
}

int MakeMovable(const Replacement& replacement) {
  replacement.stage = MoveStage::kAsking;
  if (::mkdirat(replacement.parent, replacement.ours.c_str(), S_IRWXU) != 0) {
    // Who may not write here is refused by the kernel; who cannot for want of space is not.
    return errno == ENOSPC || errno == EDQUOT ? errno : 0;
  }
  const int error = IsRefusedToMove(replacement) ? Replace(replacement) : 0;
  (void)TakeBack(replacement);  // unless ours has become the directory
  return error;
}

int TakeBack(const Replacement& replacement) {
  if (replacement.stage == MoveStage::kAsking) {
    // Only what is empty: a directory that somebody made us move is in it, if there is more.
    ::unlinkat(replacement.parent, PlaceTaken(replacement).c_str(), AT_REMOVEDIR);
    return RemoveEmpty(replacement);
  }
  const Fd new_tree = OpenDirectory(replacement.parent, replacement.ours.c_str());
  if (!new_tree) return errno == ENOENT ? 0 : errno;
  if (replacement.stage == MoveStage::kEmptying) {
    const Fd old_tree = OpenDirectory(replacement.parent, replacement.name.c_str());
    if (!old_tree && errno != ENOENT) return errno;
    if (!old_tree) {
      return Rename(replacement, replacement.ours, replacement.name, RENAME_NOREPLACE);
    }
    const int error = TreeMirror(new_tree.get(), old_tree.get()).Fill();
    if (error != 0) return error;
    replacement.stage = MoveStage::kFilling;
  }
  const int error = RemoveContents(new_tree.get());
  return error == 0 ? RemoveEmpty(replacement) : error;
}

}  // namespace ambit::spawn::native
