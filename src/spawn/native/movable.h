#pragma once
// Makes a directory one that overlayfs moves.
//
// An overlay that a user has mounted refuses (EXDEV) to rename a directory that exists in its lower
// layer, because it may not write there where the directory came from. A directory that exists in
// the upper layer alone it renames like any file system. So the directory is replaced, at its own
// place, by one with the same content in the upper layer alone:
//
//   1. beside it a directory under a name of ours is filled with the same directories and a hard
//      link to each of its files (overlayfs copies those up, holes, times and all);
//   2. when that is complete the old one is emptied, and ours is renamed over it.
//
// Nothing of it shows afterwards but the inode numbers of directories. What another process adds or
// replaces meanwhile comes along; one whose working directory or open directory is inside is left
// in a directory that has been removed.
//
// At every moment one of the two is whole, and the stage says which. So it can be taken back at any
// time, after an error and by another process when the first was killed: then nothing is left but
// the directory as it was.
//
// Acts with the rights of the caller alone. Source: ovl_can_move() in fs/overlayfs/dir.c.
#include <atomic>
#include <cstdint>
#include <string>

namespace ambit::spawn::native {

/// What our directory is called while it is being filled; a random number follows.
inline constexpr const char* kMovingPrefix = ".ambit-moving-";

enum class MoveStage : std::uint8_t {
  kAsking,    // nothing of the directory is in ours yet
  kFilling,   // the directory is whole, ours can go
  kEmptying,  // ours is whole, the directory may lack what ours holds
};

struct Replacement {
  int parent;        // of both directories
  std::string name;  // of the one that is to become movable
  std::string ours;  // NameForOurs()
  /// In memory that outlives who works on it; std::atomic so that each step is told after the last.
  std::atomic<MoveStage>& stage;
};

/// A new name every time; empty when the kernel has no random number.
std::string NameForOurs();

/// Steps 1 and 2. 0: what can be done was done, the kernel may judge the rename itself; else the
/// errno that says why it could not be done, and it was taken back: ENOSPC and EDQUOT; EACCES below
/// a directory that may not be read; EOVERFLOW with a file or directory of another owner or group,
/// which overlayfs does not copy up for a user; EXDEV with a mount inside or deeper than 100
/// directories; EBUSY when others keep changing it.
int MakeMovable(const Replacement& replacement);

/// Leaves the directory whole under its name and nothing under ours; what is whole is touched only
/// to make the other one whole, so that it can be killed and begun again. Else an errno, and the
/// one that the stage names is whole.
int TakeBack(const Replacement& replacement);

}  // namespace ambit::spawn::native
