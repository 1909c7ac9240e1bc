#pragma once
// The project on the host, as apply and undo touch it: beneath one open directory, through no
// symbolic link and no mount, whatever somebody exchanges meanwhile. Paths are raw bytes, relative,
// without "." and "..". Who calls: apply_*.cc and undo.cc.
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::review {

/// What a file was when it was looked at: enough to notice that it is another one, or that
/// somebody wrote to it. Its ctime is left out, because a rename changes it.
struct Seen {
  std::uint64_t inode = 0;  // 0: nothing was there
  mode_t mode = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};
Seen SeenOf(const struct stat& info);
std::int64_t ChangeTimeOf(const struct stat& info);

/// The same content, although perhaps another inode (a copy keeps the time).
bool SameContent(const Seen& left, const Seen& right);

/// The same file and nothing written to it; of a directory only that it is the same one.
bool SameFile(const Seen& left, const Seen& right);

/// A place where a file is or will be: `parent` is open, `name` is one component.
struct Place {
  Fd parent;
  std::string name;
};

std::string_view ParentOf(std::string_view path);  // "" at the top
std::string_view NameOf(std::string_view path);

class ProjectTree {
 public:
  /// Opens `root` through no symbolic link and checks that it still is that very directory (0 and 0
  /// when nobody knows). Errors: kDenied when it is another one, kNotFound.
  static Result<ProjectTree> Open(const std::string& root, std::uint64_t device,
                                  std::uint64_t inode);

  /// Keeps every other apply and undo of this project out as long as the object lives. kDenied
  /// when another one has it.
  Status Lock();

  Result<Place> At(std::string_view path) const;
  /// The open directory `path`, for listing.
  Result<Fd> OpenDirectory(std::string_view path) const;
  /// lstat; nullopt when there is nothing, an error when the way there is no way of directories of
  /// this file system.
  Result<std::optional<struct stat>> Look(std::string_view path) const;

  int fd() const { return root_.get(); }
  const std::string& path() const { return path_; }
  uid_t owner() const { return owner_; }
  gid_t group() const { return group_; }

 private:
  ProjectTree(std::string path, Fd root, uid_t owner, gid_t group)
      : path_(std::move(path)), root_(std::move(root)), owner_(owner), group_(group) {}
  std::string path_;
  Fd root_;
  uid_t owner_;
  gid_t group_;
};

/// lstat of one name; nullopt when there is nothing or it cannot be looked at.
std::optional<struct stat> LookAt(int dir, const std::string& name);

/// Whether somebody has the plain file open for writing. A file that cannot be asked is free.
bool IsBeingWritten(int dir, const std::string& name);

/// Copies a plain file or a symbolic link to a new name, with permissions and time of the original,
/// holes as holes; never more bytes than `max_bytes` (kLimit). Where the kernel can share the
/// blocks it does. The copy belongs to this process.
Status CopyEntry(int from_dir, const std::string& from, int to_dir, const std::string& to,
                 std::uint64_t max_bytes);

/// The bytes of the plain file `source` into `target`, holes as holes. kLimit above `max_bytes`.
Status CopyContent(int source, int target, std::uint64_t max_bytes);

}  // namespace ambit::review
