#pragma once
// The same tree twice: the directories copied, the files under a second name (hard links).
//
// Called by movable.cc alone, in a process of its own inside a run; every tree belongs to the
// agent, who may change it at any time, so what is gone is passed over and nothing is ever removed
// that is not there twice. No symbolic link is followed and no mount is entered. Functions return 0
// or an errno: it goes to the program that asked, as the answer of its system call.
#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>

#include "base/fd.h"

namespace ambit::spawn::native {

/// Directories below the top of a tree, on the longest way down: two descriptors stay open for
/// each. No mirror is ever deeper, so that RemoveContents gets to the bottom of it.
inline constexpr int kDeepestTree = 100;

class TreeMirror {
 public:
  /// The descriptors, opened for reading, outlive the mirror.
  TreeMirror(int from, int to) : from_(from), to_(to) {}

  /// Why Fill would not mirror `from` as it is now; nothing is made.
  [[nodiscard]] int FindObstacle() const;

  /// Adds to `to` what of `from` is missing in it, and gives each directory of `to` mode, times,
  /// attributes and access list of its original.
  int Fill();

  /// After Fill: empties `from`. What `to` has too is removed, what others have added or replaced
  /// since is moved over. ENOTEMPTY when something was added meanwhile: once more.
  int Drain();

 private:
  int FillDirectory(int from, int to, const std::string& path, int depth);
  int FillFile(int from, int to, const std::string& path, const char* name,
               const struct stat& info);
  int DrainDirectory(int from, int to, int depth);
  int DrainFile(int from, int to, const std::string& name, const struct stat& info,
                const struct stat& twin) const;

  /// One of several names of a file of the lower layer: there the copy was made from the first.
  [[nodiscard]] bool IsFurtherName(const struct stat& info) const {
    return first_names_.contains({info.st_dev, info.st_ino});
  }

  int from_;
  int to_;
  /// Files with several names: where below `to` the first of them lies.
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

/// Removes everything in `directory`.
int RemoveContents(int directory, int depth = 0);

/// A directory `name` in `parent` for reading; empty, with errno, when it is another kind of file
/// or another mount.
Fd OpenDirectory(int parent, const char* name);

}  // namespace ambit::spawn::native
