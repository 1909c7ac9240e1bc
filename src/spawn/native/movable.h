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
// Nothing of it shows afterwards but the inode numbers of directories. Until step 2 an error leaves
// the old directory as it was; from then on the name of ours holds all of it, and an error puts
// back what was taken away. What another process adds or replaces meanwhile comes along; one whose
// working directory or open directory is inside is left in a directory that has been removed.
//
// Acts with the rights of the caller alone. Source: ovl_can_move() in fs/overlayfs/dir.c.
#include <string>

namespace ambit::spawn::native {

/// What our directory is called while it is being filled; a random number follows.
inline constexpr const char* kMovingPrefix = ".ambit-moving-";

/// `name` in the directory `parent`. 0: what can be done was done, the kernel may judge the rename
/// itself; else the errno that says why it could not be done: ENOSPC and EDQUOT; EACCES below
/// a directory that may not be read; EOVERFLOW with a file or directory of another owner or group,
/// which overlayfs does not copy up for a user; EXDEV with a mount inside or deeper than 100
/// directories; EBUSY when others keep
/// changing it.
int MakeMovable(int parent, const std::string& name);

}  // namespace ambit::spawn::native
