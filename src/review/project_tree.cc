#include "review/project_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "sys/file.h"

namespace ambit::review {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
constexpr int kSafeFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

std::int64_t NanosecondsOf(const timespec& time) { return time.tv_sec * kSecond + time.tv_nsec; }

/// One stretch of data, by the kernel where it can (which shares blocks), else by hand.
Status CopyStretch(int source, int target, off_t begin, off_t end) {
  std::vector<char> buffer;
  while (begin < end) {
    off_t in = begin;
    off_t out = begin;
    const auto left = static_cast<std::size_t>(end - begin);
    ssize_t n = buffer.empty() ? ::copy_file_range(source, &in, target, &out, left, 0) : 0;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG)) {
      return FailErrno(errno, "copy");
    }
    if (n <= 0) {
      buffer.resize(256U << 10);
      n = ::pread(source, buffer.data(), std::min(buffer.size(), left), begin);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(errno, "read");
      if (n == 0) return {};  // it became shorter
      n = ::pwrite(target, buffer.data(), static_cast<std::size_t>(n), begin);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FailErrno(errno, "write");
    }
    begin += n;
  }
  return {};
}

}  // namespace

Seen SeenOf(const struct stat& info) {
  return {.inode = info.st_ino,
          .mode = info.st_mode,
          .uid = info.st_uid,
          .gid = info.st_gid,
          .size = static_cast<std::uint64_t>(info.st_size),
          .mtime_ns = NanosecondsOf(info.st_mtim)};
}

std::int64_t ChangeTimeOf(const struct stat& info) { return NanosecondsOf(info.st_ctim); }

bool SameContent(const Seen& left, const Seen& right) {
  if (S_ISDIR(left.mode)) return S_ISDIR(right.mode);
  return left.mode == right.mode && left.size == right.size && left.mtime_ns == right.mtime_ns;
}

bool SameFile(const Seen& left, const Seen& right) {
  if (left.inode != right.inode) return false;
  return S_ISDIR(left.mode) ? S_ISDIR(right.mode) : left == right;
}

std::string_view ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view NameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Result<ProjectTree> ProjectTree::Open(const std::string& root, std::uint64_t device,
                                      std::uint64_t inode) {
  auto opened = sys::OpenUnlinked(root.c_str(), O_RDONLY | O_DIRECTORY);
  struct stat info{};
  if (!opened) {
    return Fail(opened.error().code == Errc::kNotFound ? Errc::kNotFound : Errc::kDenied,
                fmt::format("the project '{}': {}", root, opened.error().what),
                "put the directory back to where it was when the run began");
  }
  if (::fstat(opened->get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", root));
  const bool unknown = device == 0 && inode == 0;
  if (!unknown && (info.st_dev != device || info.st_ino != inode)) {
    return Fail(Errc::kDenied,
                fmt::format("the project '{}' is another directory than when the run began", root),
                "put the directory back; 'ambit diff' still shows the run's work");
  }
  return ProjectTree(root, *std::move(opened), info.st_uid, info.st_gid);
}

Status ProjectTree::Lock() {
  if (::flock(root_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return FailErrno(errno, fmt::format("lock '{}'", path_));
  return Fail(Errc::kDenied,
              fmt::format("the project '{}' is locked: another apply or undo works on it", path_),
              "try again when it is done");
}

Result<Fd> ProjectTree::OpenDirectory(std::string_view path) const {
  const std::string name = path.empty() ? "." : std::string(path);
  return sys::OpenAt(root_.get(), name.c_str(), O_RDONLY | O_DIRECTORY, kBeneath);
}

Result<Place> ProjectTree::At(std::string_view path) const {
  const std::string_view parent = ParentOf(path);
  const std::string directory = parent.empty() ? "." : std::string(parent);
  AMBIT_TRY(Fd fd, sys::OpenAt(root_.get(), directory.c_str(), O_PATH | O_DIRECTORY, kBeneath));
  return Place{.parent = std::move(fd), .name = std::string(NameOf(path))};
}

Result<std::optional<struct stat>> ProjectTree::Look(std::string_view path) const {
  const auto place = At(path);
  if (!place && (place.error().sys_errno == ENOENT || place.error().sys_errno == ENOTDIR)) {
    return std::nullopt;
  }
  // A link on the way: below it is nothing of this tree.
  if (!place && place.error().sys_errno == ELOOP) return std::nullopt;
  if (!place) return std::unexpected(place.error());
  struct stat info{};
  if (::fstatat(place->parent.get(), place->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return info;
  }
  if (errno == ENOENT) return std::nullopt;
  return FailErrno(errno, fmt::format("stat '{}'", path));
}

std::optional<struct stat> LookAt(int dir, const std::string& name) {
  struct stat info{};
  if (::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return info;
}

bool IsBeingWritten(int dir, const std::string& name) {
  const auto info = LookAt(dir, name);
  if (!info || !S_ISREG(info->st_mode)) return false;
  const Fd file(::openat(dir, name.c_str(), O_RDONLY | kSafeFlags));
  if (!file) return false;
  // fcntl(2): a read lease is granted only when nobody has the file open for writing.
  if (::fcntl(file.get(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
  (void)::fcntl(file.get(), F_SETLEASE, F_UNLCK);
  return false;
}

Status CopyContent(int source, int target, std::uint64_t max_bytes) {
  struct stat info{};
  if (::fstat(source, &info) != 0) return FailErrno(errno, "stat");
  if (::ftruncate(target, info.st_size) != 0) return FailErrno(errno, "set the size");
  std::uint64_t copied = 0;
  off_t at = 0;
  while (at < info.st_size) {
    off_t begin = ::lseek(source, at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) break;  // a hole up to the end
    if (begin < 0 && errno != EINVAL) return FailErrno(errno, "seek");
    off_t end = begin < 0 ? -1 : ::lseek(source, begin, SEEK_HOLE);
    if (begin < 0 || end < 0) {  // the file system knows no holes
      begin = at;
      end = info.st_size;
    }
    end = std::min(end, info.st_size);
    if (end <= begin) break;
    copied += static_cast<std::uint64_t>(end - begin);
    if (copied > max_bytes) return Fail(Errc::kLimit, "it holds more than its blocks say");
    AMBIT_CHECK(CopyStretch(source, target, begin, end));
    at = end;
  }
  return {};
}

Status CopyEntry(int from_dir, const std::string& from, int to_dir, const std::string& to,
                 std::uint64_t max_bytes) {
  const auto info = LookAt(from_dir, from);
  if (!info) return FailErrno(ENOENT, fmt::format("copy '{}'", from));
  const timespec times[2] = {info->st_atim, info->st_mtim};
  if (S_ISLNK(info->st_mode)) {
    AMBIT_TRY(const std::string target, sys::ReadLink(from_dir, from.c_str()));
    if (::symlinkat(target.c_str(), to_dir, to.c_str()) != 0) {
      return FailErrno(errno, fmt::format("link '{}'", to));
    }
    (void)::fchownat(to_dir, to.c_str(), info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW);
    (void)::utimensat(to_dir, to.c_str(), times, AT_SYMLINK_NOFOLLOW);
    return {};
  }
  if (!S_ISREG(info->st_mode)) {
    return Fail(Errc::kInvalidArgument, fmt::format("copy '{}': not a plain file", from));
  }
  const Fd source(::openat(from_dir, from.c_str(), O_RDONLY | kSafeFlags));
  if (!source) return FailErrno(errno, fmt::format("open '{}'", from));
  const Fd target(::openat(to_dir, to.c_str(), O_WRONLY | O_CREAT | O_EXCL | kSafeFlags, 0600));
  if (!target) return FailErrno(errno, fmt::format("create '{}'", to));
  AMBIT_CHECK(CopyContent(source.get(), target.get(), max_bytes));
  (void)::fchown(target.get(), info->st_uid, info->st_gid);  // best effort: only root may
  if (::fchmod(target.get(), info->st_mode & 07777U) != 0) return FailErrno(errno, "chmod");
  if (::futimens(target.get(), times) != 0) return FailErrno(errno, "set the times");
  if (::fsync(target.get()) != 0) return FailErrno(errno, fmt::format("sync '{}'", to));
  return {};
}

}  // namespace ambit::review
