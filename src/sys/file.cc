#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/text.h"

namespace ambit::sys {
Status WriteAll(int fd, std::string_view content, const char* name) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return FailErrno(errno, fmt::format("write '{}'", name));
    }
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<Fd> OpenAt(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve,
                  mode_t mode) {
  constexpr int kAttempts = 8;
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  int err = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const long fd = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0) return Fd(static_cast<int>(fd));
    err = errno;
    if (err != EINTR && err != EAGAIN) break;
  }
  return FailErrno(err, fmt::format("open '{}'", path));
}

Result<FileId> IdOf(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return FailErrno(errno, "fstat");
  return FileId{.device = info.st_dev, .inode = info.st_ino};
}

Result<Fd> OpenUnlinked(const char* path, std::uint64_t flags,
                        const std::optional<FileId>& expected) {
  AMBIT_TRY(Fd file, OpenAt(AT_FDCWD, path, flags, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  if (!expected) return file;
  AMBIT_TRY(const FileId id, IdOf(file.get()));
  if (id != *expected) {
    return Fail(Errc::kDenied,
                fmt::format("'{}' is another file than when the run was planned", path),
                "somebody replaced it meanwhile: make sure that only you can, and start again");
  }
  return file;
}

Result<std::string> ReadSmallFile(int dir, const char* path, std::size_t max_bytes,
                                  std::uint64_t resolve) {
  AMBIT_TRY(const Fd file, OpenAt(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  if (!S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalidArgument, fmt::format("read '{}': not a regular file", path));
  }
  std::string content;
  std::array<char, 16384> chunk;
  for (;;) {
    const ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, fmt::format("read '{}'", path));
    if (n == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(n));
    if (content.size() > max_bytes) {
      return Fail(Errc::kLimit, fmt::format("read '{}': larger than {} bytes", path, max_bytes));
    }
  }
}

Result<std::string> ReadLink(int dir, const char* path) {
  std::array<char, PATH_MAX> target;
  const ssize_t n = ::readlinkat(dir, path, target.data(), target.size());
  if (n < 0) return FailErrno(errno, fmt::format("readlink '{}'", path));
  if (static_cast<std::size_t>(n) == target.size()) {
    return Fail(Errc::kLimit, fmt::format("readlink '{}': target too long", path));
  }
  return std::string(target.data(), static_cast<std::size_t>(n));
}

Status WriteNewFile(int dir, const char* path, std::string_view content, mode_t mode) {
  Fd file(::openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!file) return FailErrno(errno, fmt::format("create '{}'", path));
  return WriteAll(file.get(), content, path);
}

Status WriteProcFile(int dir, const char* path, std::string_view content) {
  Fd file(::openat(dir, path, O_WRONLY | O_CLOEXEC));
  if (!file) return FailErrno(errno, fmt::format("open '{}'", path));
  const ssize_t n = ::write(file.get(), content.data(), content.size());
  if (n < 0) return FailErrno(errno, fmt::format("write '{}'", path));
  return {};
}

Status MakeDirectories(int dir, std::string_view path) {
  std::string partial;
  partial.reserve(path.size());
  for (std::size_t i = 0; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      if (!partial.empty() && ::mkdirat(dir, partial.c_str(), 0755) != 0 && errno != EEXIST) {
        return FailErrno(errno, fmt::format("mkdir '{}'", partial));
      }
      if (i == path.size()) break;
    }
    if (!partial.empty() || path[i] != '/') partial += path[i];
  }
  return {};
}

namespace {

// Never through a symlink: somebody else may have made what lies there.
constexpr std::uint64_t kInsideOnly = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

}  // namespace

Result<Fd> EnterDirectory(int root, std::string_view inside) {
  if (inside.size() <= 1) return OpenAt(root, ".", O_PATH | O_DIRECTORY);
  const std::string relative(inside.substr(1));
  if (auto whole = OpenAt(root, relative.c_str(), O_PATH | O_DIRECTORY, kInsideOnly)) {
    return whole;
  }
  AMBIT_TRY(Fd dir, OpenAt(root, ".", O_PATH | O_DIRECTORY));
  for (std::size_t start = 0; start < relative.size();) {
    const std::size_t end = std::min(relative.find('/', start), relative.size());
    const std::string name = relative.substr(start, end - start);
    if (::mkdirat(dir.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return FailErrno(errno,
                       fmt::format("mkdir '{}' for '{}'", Printable(name), Printable(inside)));
    }
    AMBIT_TRY(dir, OpenAt(dir.get(), name.c_str(), O_PATH | O_DIRECTORY, kInsideOnly));
    start = end + 1;
  }
  return dir;
}

Status MakeSymlink(int root, std::string_view inside, const std::string& target) {
  const std::size_t slash = inside.rfind('/');
  AMBIT_TRY(const Fd parent, EnterDirectory(root, inside.substr(0, slash)));
  const std::string name(inside.substr(slash + 1));
  if (::symlinkat(target.c_str(), parent.get(), name.c_str()) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("symlink '{}'", Printable(inside)));
  }
  return {};
}

Result<std::string> PathOf(int fd) {
  return ReadLink(AT_FDCWD, fmt::format("/proc/self/fd/{}", fd).c_str());
}

}  // namespace ambit::sys
