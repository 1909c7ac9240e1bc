#include "spawn/native/tree_mirror.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <memory>
#include <string_view>
#include <vector>

#include "sys/file.h"

namespace ambit::spawn::native {
namespace {

/// A copy that is not the same directory must not pass for it: the program hears what it would hear
/// without us.
constexpr int kNotTheSame = EXDEV;

/// What this overlay says when it is to copy up a file whose owner or group is not mapped. Programs
/// do not take it for a reason to move file by file, which would fail half-way for the same reason.
constexpr int kOfOthers = EOVERFLOW;

int ListNames(int directory, std::vector<std::string>& names) {
  const int again = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (again < 0) return errno;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(again), &::closedir);
  if (!stream) return errno;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return errno;
}

int Lstat(int directory, const std::string& name, struct stat& info) {
  return ::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

/// Calls `act` with each entry that is there, until it returns an errno.
template <class Act>
int ForEachEntry(int directory, const Act& act) {
  std::vector<std::string> names;
  if (const int error = ListNames(directory, names); error != 0) return error;
  for (const std::string& name : names) {
    struct stat info{};
    int error = Lstat(directory, name, info);
    if (error == 0) error = act(name, info);
    if (error != 0 && error != ENOENT) return error;
  }
  return 0;
}

/// Security attributes are the kernel's and are made with the directory.
bool IsForUs(std::string_view attribute) {
  return attribute.starts_with("user.") || attribute.starts_with("system.posix_acl_");
}

int CopyAttributes(int from, int to) {
  std::vector<char> names(XATTR_LIST_MAX);
  const ssize_t length = ::flistxattr(from, names.data(), names.size());
  if (length < 0) return errno == EOPNOTSUPP ? 0 : errno;
  std::vector<char> value;
  for (const char* name = names.data(); name < names.data() + length;
       name += std::string_view(name).size() + 1) {
    if (!IsForUs(name)) continue;
    value.resize(XATTR_SIZE_MAX);
    const ssize_t size = ::fgetxattr(from, name, value.data(), value.size());
    if (size < 0) return errno;
    if (::fsetxattr(to, name, value.data(), static_cast<std::size_t>(size), 0) != 0) {
      return errno == ENOSPC || errno == EDQUOT ? errno : kNotTheSame;
    }
  }
  return 0;
}

int CopyMetadata(const struct stat& original, int from, int to) {
  if (::fchmod(to, original.st_mode & 07777) != 0) return errno;
  if (const int error = CopyAttributes(from, to); error != 0) return error;
  const timespec times[] = {original.st_atim, original.st_mtim};
  return ::futimens(to, times) == 0 ? 0 : errno;
}

bool HaveSameTime(const timespec& one, const timespec& other) {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

bool HaveSameContent(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_size == b.st_size && HaveSameTime(a.st_mtim, b.st_mtim);
}

/// Two names of one file. Overlayfs may show two inode numbers for one.
bool AreOneFile(const struct stat& a, const struct stat& b) {
  if (a.st_dev == b.st_dev && a.st_ino == b.st_ino) return true;
  return HaveSameContent(a, b) && HaveSameTime(a.st_ctim, b.st_ctim);
}

bool IsOurs(const struct stat& info) {
  return info.st_uid == ::geteuid() && info.st_gid == ::getegid();
}

int FindObstacleBelow(int directory, int depth) {
  return ForEachEntry(directory, [&](const std::string& name, const struct stat& info) {
    if (!IsOurs(info)) return kOfOthers;
    if (!S_ISDIR(info.st_mode)) return 0;
    if (depth == kDeepestTree) return kNotTheSame;
    const Fd inner = OpenDirectory(directory, name.c_str());
    return inner ? FindObstacleBelow(inner.get(), depth + 1) : errno;
  });
}

int MoveEntry(int from, int to, const std::string& name) {
  return ::renameat(from, name.c_str(), to, name.c_str()) == 0 ? 0 : errno;
}

/// The owner of a directory can always empty it.
int LetOwnerChange(int directory) {
  struct stat info{};
  if (::fstat(directory, &info) != 0) return errno;
  if ((info.st_mode & S_IRWXU) == S_IRWXU) return 0;
  return ::fchmod(directory, (info.st_mode & 07777) | S_IRWXU) == 0 ? 0 : errno;
}

}  // namespace

Fd OpenDirectory(int parent, const char* name) {
  Result<Fd> opened = sys::OpenAt(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                  RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  if (opened) return *std::move(opened);
  errno = opened.error().sys_errno;
  return {};
}

int TreeMirror::FindObstacle() const {
  struct stat info{};
  if (::fstat(from_, &info) != 0) return errno;
  return IsOurs(info) ? FindObstacleBelow(from_, 0) : kOfOthers;
}

int TreeMirror::Fill() {
  first_names_.clear();
  return FillDirectory(from_, to_, "", 0);
}

int TreeMirror::FillDirectory(int from, int to, const std::string& path, int depth) {
  struct stat original{};
  if (::fstat(from, &original) != 0) return errno;
  if (!IsOurs(original)) return kOfOthers;
  const int filled = ForEachEntry(from, [&](const std::string& name, const struct stat& info) {
    if (!S_ISDIR(info.st_mode)) return FillFile(from, to, path, name.c_str(), info);
    // Before it is made: what is there must be within reach of RemoveContents.
    if (depth == kDeepestTree) return kNotTheSame;
    if (::mkdirat(to, name.c_str(), S_IRWXU) != 0 && errno != EEXIST) return errno;
    const Fd inner_from = OpenDirectory(from, name.c_str());
    if (!inner_from) return errno;
    const Fd inner_to = OpenDirectory(to, name.c_str());
    if (!inner_to) return errno;
    return FillDirectory(inner_from.get(), inner_to.get(), path + name + "/", depth + 1);
  });
  return filled != 0 ? filled : CopyMetadata(original, from, to);
}

int TreeMirror::FillFile(int from, int to, const std::string& path, const char* name,
                         const struct stat& info) {
  if (info.st_nlink > 1) {
    // In a lower layer each name would be copied up as a file of its own.
    const auto [first, is_new] = first_names_.try_emplace({info.st_dev, info.st_ino}, path + name);
    if (!is_new && ::linkat(to_, first->second.c_str(), to, name, 0) == 0) return 0;
  }
  if (::linkat(from, name, to, name, 0) == 0 || errno == EEXIST) return 0;
  if (errno == EMLINK) return kNotTheSame;    // as many names as a file can have
  return errno == EPERM ? kOfOthers : errno;  // EPERM: fs.protected_hardlinks
}

int TreeMirror::Drain() { return DrainDirectory(from_, to_, 0); }

int TreeMirror::DrainDirectory(int from, int to, int depth) {
  if (depth > kDeepestTree) return kNotTheSame;
  if (const int error = LetOwnerChange(from); error != 0) return error;
  return ForEachEntry(from, [&](const std::string& name, const struct stat& info) {
    struct stat twin{};
    const int missing = Lstat(to, name, twin);
    // A directory that came meanwhile is in the upper layer alone, and moves.
    if (missing == ENOENT) return MoveEntry(from, to, name);
    if (missing != 0) return missing;
    if (!S_ISDIR(info.st_mode)) return DrainFile(from, to, name, info, twin);
    const Fd inner_from = OpenDirectory(from, name.c_str());
    if (!inner_from) return errno;
    const Fd inner_to = OpenDirectory(to, name.c_str());
    if (!inner_to) return errno;
    const int error = DrainDirectory(inner_from.get(), inner_to.get(), depth + 1);
    if (error != 0) return error;
    return ::unlinkat(from, name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
  });
}

int TreeMirror::DrainFile(int from, int to, const std::string& name, const struct stat& info,
                          const struct stat& twin) const {
  const bool twice = AreOneFile(info, twin) || (IsFurtherName(info) && HaveSameContent(info, twin));
  if (!twice) return MoveEntry(from, to, name);
  return ::unlinkat(from, name.c_str(), 0) == 0 ? 0 : errno;
}

int RemoveContents(int directory, int depth) {
  if (depth > kDeepestTree) return kNotTheSame;
  if (const int error = LetOwnerChange(directory); error != 0) return error;
  return ForEachEntry(directory, [&](const std::string& name, const struct stat& info) {
    if (S_ISDIR(info.st_mode)) {
      const Fd inner = OpenDirectory(directory, name.c_str());
      if (!inner) return errno;
      if (const int error = RemoveContents(inner.get(), depth + 1); error != 0) return error;
    }
    const int flags = S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0;
    return ::unlinkat(directory, name.c_str(), flags) == 0 ? 0 : errno;
  });
}

}  // namespace ambit::spawn::native
