#include "workspace/change_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::workspace {
namespace {

constexpr int kSafeFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/// As many bytes as the file still has, up to the size of `buffer`; -1 on error.
ssize_t ReadFull(int fd, std::vector<char>& buffer) {
  std::size_t have = 0;
  while (have < buffer.size()) {
    const ssize_t n = ::read(fd, buffer.data() + have, buffer.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(have);
}

}  // namespace

std::optional<struct stat> StatOf(int dir, const std::string& name) {
  struct stat info{};
  if (dir < 0 || ::fstatat(dir, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return std::nullopt;
  }
  return info;
}

bool IsWhiteoutDevice(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

std::optional<struct stat> LowerStatOf(int dir, const std::string& name) {
  auto info = StatOf(dir, name);
  if (info && IsWhiteoutDevice(*info)) return std::nullopt;
  return info;
}

bool LetOwnerRead(int dir, const std::string& name, struct stat& info) {
  const auto needed = [](const struct stat& of) {
    return static_cast<mode_t>(S_ISDIR(of.st_mode)   ? S_IRUSR | S_IXUSR
                               : S_ISREG(of.st_mode) ? S_IRUSR
                                                     : 0);
  };
  if ((info.st_mode & needed(info)) == needed(info)) return false;
  const Fd place(::openat(dir, name.c_str(), O_PATH | kSafeFlags));
  struct stat now{};
  if (!place || ::fstat(place.get(), &now) != 0 || now.st_uid != ::geteuid()) return false;
  // fchmod(2) refuses O_PATH; through /proc it is this very inode, whatever now has its name.
  const std::string self = fmt::format("/proc/self/fd/{}", place.get());
  if (::chmod(self.c_str(), (now.st_mode | needed(now)) & 07777) != 0) return false;
  return ::fstat(place.get(), &info) == 0;
}

Result<Fd> OpenDirectory(int dir, const std::string& name) {
  Fd fd(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | kSafeFlags));
  if (!fd) return FailErrno(errno, fmt::format("open '{}'", name));
  return fd;
}

Result<std::vector<std::string>> NamesIn(int dir) {
  AMBIT_TRY(std::vector<sys::DirectoryEntry> entries, sys::ListDirectory(dir));
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (sys::DirectoryEntry& entry : entries) names.push_back(std::move(entry.name));
  return names;
}

std::string LinkTargetOf(int dir, const std::string& name) {
  return sys::ReadLink(dir, name.c_str()).value_or("");
}

MarkReader::MarkReader(OverlayFlavour flavour)
    : prefix_(flavour == OverlayFlavour::kUser ? "user.overlay." : "trusted.overlay.") {}

Result<std::optional<std::string>> MarkReader::OfDirectory(int dir, const char* name) const {
  std::array<char, PATH_MAX> value;
  const ssize_t n = ::fgetxattr(dir, (prefix_ + name).c_str(), value.data(), value.size());
  if (n >= 0) return std::string(value.data(), static_cast<std::size_t>(n));
  if (errno == ENODATA || errno == EOPNOTSUPP) return std::nullopt;
  return FailErrno(errno, fmt::format("getxattr '{}{}'", prefix_, name));
}

Result<bool> MarkReader::FileHas(int dir, const std::string& name, const char* mark) const {
  const std::string path = fmt::format("/proc/self/fd/{}/{}", dir, name);
  if (::lgetxattr(path.c_str(), (prefix_ + mark).c_str(), nullptr, 0) >= 0) return true;
  if (errno == ENODATA || errno == EOPNOTSUPP || errno == ENOENT) return false;
  return FailErrno(errno, fmt::format("getxattr '{}{}'", prefix_, mark));
}

Status CheckMarksReadable(OverlayFlavour flavour) {
  if (flavour == OverlayFlavour::kUser) return {};
  constexpr std::uint64_t kSysAdmin = 1ULL << 21;  // CAP_SYS_ADMIN, linux/capability.h
  AMBIT_TRY(const std::string status, sys::ReadSmallFile(AT_FDCWD, "/proc/self/status", 65536));
  constexpr std::string_view kField = "CapEff:\t";
  const std::size_t at = status.find(kField);
  const std::uint64_t effective =
      at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + kField.size(), nullptr, 16);
  if ((effective & kSysAdmin) != 0) return {};
  return Fail(Errc::kDenied, "read the overlay's marks: this run was started by root",
              "run the command as root");
}

Comparison CompareContent(int left_dir, const std::string& left, int right_dir,
                          const std::string& right) {
  const auto a = OpenPlainFile(left_dir, left);
  const auto b = OpenPlainFile(right_dir, right);
  if (!a || !b) return Comparison::kUnreadable;
  constexpr std::size_t kChunk = 128U << 10;
  std::vector<char> left_bytes(kChunk);
  std::vector<char> right_bytes(kChunk);
  for (;;) {
    const ssize_t n = ReadFull(a->get(), left_bytes);
    const ssize_t m = ReadFull(b->get(), right_bytes);
    if (n < 0 || m < 0) return Comparison::kUnreadable;
    if (n != m) return Comparison::kDifferent;
    if (n == 0) return Comparison::kEqual;
    if (std::memcmp(left_bytes.data(), right_bytes.data(), static_cast<std::size_t>(n)) != 0) {
      return Comparison::kDifferent;
    }
  }
}

Result<Fd> OpenNoFollow(int root, std::string_view path, int flags) {
  Fd current;
  int dir = root;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    if (name.empty() || name == "..") {
      return Fail(Errc::kInvalidArgument, "open: not a plain relative path");
    }
    const bool last = slash == std::string_view::npos;
    Fd next(::openat(dir, name.c_str(), (last ? flags : O_PATH | O_DIRECTORY) | kSafeFlags));
    if (!next) return FailErrno(errno, fmt::format("open '{}'", name));
    current = std::move(next);
    if (last) return current;
    dir = current.get();
    path.remove_prefix(slash + 1);
  }
}

Result<Fd> OpenPlainFile(int root, std::string_view path) {
  AMBIT_TRY(const Fd place, OpenNoFollow(root, path, O_PATH));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) return FailErrno(errno, "stat");
  if (!S_ISREG(info.st_mode)) return Fail(Errc::kInvalidArgument, "open: not a plain file");
  // Through /proc the very inode that was checked is opened, whatever now has its name.
  const std::string self = fmt::format("/proc/self/fd/{}", place.get());
  Fd file(::open(self.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return FailErrno(errno, fmt::format("open '{}'", path));
  return file;
}

Result<std::vector<std::string>> ListFiles(int root, std::string_view path,
                                           std::size_t max_entries) {
  std::vector<std::string> files;
  std::vector<std::string> pending = {std::string(path)};
  std::size_t seen = 0;
  while (!pending.empty()) {
    const std::string directory = std::move(pending.back());
    pending.pop_back();
    AMBIT_TRY(const Fd dir, OpenNoFollow(root, directory, O_RDONLY | O_DIRECTORY));
    AMBIT_TRY(std::vector<std::string> names, NamesIn(dir.get()));
    for (const std::string& name : names) {
      const auto info = LowerStatOf(dir.get(), name);
      if (!info || name == ".git") continue;
      if (++seen > max_entries) {
        return Fail(Errc::kLimit, fmt::format("list '{}': too many entries", path));
      }
      if (S_ISDIR(info->st_mode)) pending.push_back(directory + "/" + name);
      if (S_ISREG(info->st_mode) || S_ISLNK(info->st_mode)) files.push_back(directory + "/" + name);
    }
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace ambit::workspace
