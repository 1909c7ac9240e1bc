#include "spawn/native/tracee.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "sys/file.h"

namespace ambit::spawn::native {
namespace {

/// Which arguments of the call name what is to be moved.
struct OldPath {
  int directory;          // AT_FDCWD or a descriptor of the process
  std::uint64_t address;  // of the text
};

std::optional<OldPath> OldPathOf(const seccomp_data& call) {
  switch (call.nr) {
#ifdef SYS_rename
    case SYS_rename:
      return OldPath{.directory = AT_FDCWD, .address = call.args[0]};
#endif
    case SYS_renameat2:
      if ((call.args[4] & RENAME_EXCHANGE) != 0) return std::nullopt;
      [[fallthrough]];
    case SYS_renameat:
      return OldPath{.directory = static_cast<int>(call.args[0]), .address = call.args[1]};
    default:
      return std::nullopt;
  }
}

/// The text up to its end. The kernel reads whole pieces only, so one ends where a page does: what
/// follows may not be mapped.
std::optional<std::string> ReadText(pid_t pid, std::uint64_t address) {
  std::array<char, PATH_MAX> buffer{};
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first = std::min<std::uint64_t>(buffer.size(), page - address % page);
  // An address of another process, which only the kernel follows.
  // NOLINTBEGIN(performance-no-int-to-ptr)
  const iovec theirs[] = {{reinterpret_cast<void*>(address), first},
                          {reinterpret_cast<void*>(address + first), buffer.size() - first}};
  // NOLINTEND(performance-no-int-to-ptr)
  const iovec ours{.iov_base = buffer.data(), .iov_len = buffer.size()};
  const ssize_t got = ::process_vm_readv(pid, &ours, 1, theirs, 2, 0);
  if (got <= 0) return std::nullopt;
  const std::size_t length = ::strnlen(buffer.data(), static_cast<std::size_t>(got));
  if (length == 0 || length == static_cast<std::size_t>(got)) return std::nullopt;
  return std::string(buffer.data(), length);
}

/// Where a relative path of the process begins. Its root is ours: nothing inside can change one.
Result<Fd> OpenBase(pid_t pid, int directory) {
  const std::string link = directory == AT_FDCWD ? fmt::format("/proc/{}/cwd", pid)
                                                 : fmt::format("/proc/{}/fd/{}", pid, directory);
  return sys::OpenAt(AT_FDCWD, link.c_str(), O_PATH | O_DIRECTORY);
}

/// `a/b/c/` is `c` in `a/b`; `c` is in the base itself.
struct SplitPath {
  std::string parent;
  std::string name;
};

std::optional<SplitPath> Split(std::string path) {
  path.erase(path.find_last_not_of('/') + 1);
  const std::size_t slash = path.rfind('/');
  SplitPath split{.parent = slash == std::string::npos ? "." : path.substr(0, slash + 1),
                  .name = slash == std::string::npos ? path : path.substr(slash + 1)};
  if (split.name.empty() || split.name == "." || split.name == "..") return std::nullopt;
  return split;
}

bool IsWritableOverlay(int directory) {
  struct statfs info{};
  return ::fstatfs(directory, &info) == 0 && info.f_type == OVERLAYFS_SUPER_MAGIC &&
         (info.f_flags & ST_RDONLY) == 0;
}

}  // namespace

std::optional<NamedDirectory> DirectoryToRename(const seccomp_notif& notification) {
  const auto pid = static_cast<pid_t>(notification.pid);
  const std::optional<OldPath> old_path = OldPathOf(notification.data);
  if (!old_path || pid <= 0) return std::nullopt;
  const std::optional<std::string> text = ReadText(pid, old_path->address);
  if (!text) return std::nullopt;
  const std::optional<SplitPath> split = Split(*text);
  if (!split) return std::nullopt;

  Fd base;
  if (split->parent.front() != '/') {
    Result<Fd> opened = OpenBase(pid, old_path->directory);
    if (!opened) return std::nullopt;
    base = *std::move(opened);
  }
  const int from = base ? base.get() : AT_FDCWD;
  // Most of what is renamed is a file, and every rename inside waits for this one look.
  struct stat info{};
  if (::fstatat(from, text->c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode)) {
    return std::nullopt;
  }
  Result<Fd> parent =
      sys::OpenAt(from, split->parent.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
  if (!parent || !IsWritableOverlay(parent->get())) return std::nullopt;
  return NamedDirectory{.parent = *std::move(parent), .name = split->name};
}

}  // namespace ambit::spawn::native
