#include "spawn/native/movable.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>

#include "spawn/native/tree_mirror.h"

namespace ambit::spawn::native {
namespace {

/// Rounds of catching up with who writes in the directory meanwhile.
constexpr int kMostRounds = 64;

/// A new empty directory in `parent`; an empty name, with errno, when there can be none.
std::string MakeOurs(int parent) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) break;
    std::string name = fmt::format("{}{:016x}", kMovingPrefix, number);
    if (::mkdirat(parent, name.c_str(), S_IRWXU) == 0) return name;
    if (errno != EEXIST) break;
  }
  return {};
}

/// Asks the kernel whether it would move `name`, with a rename that must fail: it refuses a lower
/// directory (EXDEV) before it finds that the place is taken by a directory that is not empty.
bool IsRefusedToMove(int parent, const std::string& name, const std::string& ours) {
  const std::string inside = ours + "/taken";
  if (::mkdirat(parent, inside.c_str(), S_IRWXU) != 0) return false;
  const int moved = ::renameat(parent, name.c_str(), parent, ours.c_str());
  const int error = errno;
  if (moved == 0) {  // somebody has emptied our directory
    (void)::renameat(parent, ours.c_str(), parent, name.c_str());
    return false;
  }
  ::unlinkat(parent, inside.c_str(), AT_REMOVEDIR);
  return error == EXDEV;
}

/// Steps 1 and 2 of the header; `ours` is gone or renamed on success.
int Replace(int parent, const std::string& name, const std::string& ours) {
  const Fd old_tree = OpenDirectory(parent, name.c_str());
  if (!old_tree) return errno;
  const Fd new_tree = OpenDirectory(parent, ours.c_str());
  if (!new_tree) return errno;
  TreeMirror forth(old_tree.get(), new_tree.get());
  int error = forth.Fill();
  if (error != 0) {
    RemoveContents(new_tree.get());
    return error;
  }
  for (int round = 0; round < kMostRounds; ++round) {
    error = forth.Drain();
    if (error == 0) {
      if (::renameat(parent, ours.c_str(), parent, name.c_str()) == 0) return 0;
      error = errno;
    }
    if (error != ENOTEMPTY) break;
  }
  // Ours goes only when the old one is whole again.
  if (TreeMirror(new_tree.get(), old_tree.get()).Fill() == 0) RemoveContents(new_tree.get());
  return error == ENOTEMPTY ? EBUSY : error;
}

}  // namespace

int MakeMovable(int parent, const std::string& name) {
  const std::string ours = MakeOurs(parent);
  if (ours.empty()) {
    // Who may not write here is refused by the kernel; who cannot for want of space is not.
    return errno == ENOSPC || errno == EDQUOT ? errno : 0;
  }
  const int error = IsRefusedToMove(parent, name, ours) ? Replace(parent, name, ours) : 0;
  ::unlinkat(parent, ours.c_str(), AT_REMOVEDIR);  // unless it has become the directory
  return error;
}

}  // namespace ambit::spawn::native
