#include "spawn/native/tracee.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/magic.h>
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
#include <string_view>

#include "event/inside_record.h"

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

/// Names where a relative path of the process begins. Its root is ours: nothing inside can change
/// one.
std::string LinkToBase(pid_t pid, int directory) {
  return directory == AT_FDCWD ? fmt::format("/proc/{}/cwd", pid)
                               : fmt::format("/proc/{}/fd/{}", pid, directory);
}

/// Not by openat2, of which init would be told itself. A link of /proc that is followed so leads to
/// what init has open, which is no directory but those that processes inside have named.
Fd OpenDirectory(int from, const std::string& path) {
  return Fd(::openat(from, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
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

/// Copies what can be copied, in pieces that end where a page does: the kernel reads whole pieces
/// only, and what follows may not be mapped.
std::size_t Copy(pid_t pid, std::uint64_t address, char* into, std::size_t size) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t first = std::min<std::uint64_t>(size, page - address % page);
  // An address of another process, which only the kernel follows.
  // NOLINTBEGIN(performance-no-int-to-ptr)
  const iovec theirs[] = {{reinterpret_cast<void*>(address), first},
                          {reinterpret_cast<void*>(address + first), size - first}};
  // NOLINTEND(performance-no-int-to-ptr)
  const iovec ours{.iov_base = into, .iov_len = size};
  const ssize_t got = ::process_vm_readv(pid, &ours, 1, theirs, first < size ? 2 : 1, 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace

std::optional<std::string> ReadText(pid_t pid, std::uint64_t address) {
  std::array<char, PATH_MAX> buffer;  // NOLINT(*-member-init): most of it is never used
  // Nearly every path is short, and each page more is one more that the kernel looks up.
  std::size_t got = 0;
  for (const std::size_t most : {std::size_t{256}, buffer.size()}) {
    const std::size_t more = Copy(pid, address + got, buffer.data() + got, most - got);
    const std::size_t length = ::strnlen(buffer.data() + got, more);
    if (length < more) return std::string(buffer.data(), got + length);
    got += more;
    if (got < most) return std::nullopt;
  }
  return std::nullopt;
}

bool ReadBytes(pid_t pid, std::uint64_t address, void* into, std::size_t size) {
  return Copy(pid, address, static_cast<char*>(into), size) == size;
}

Arguments ReadArguments(pid_t pid, std::uint64_t address) {
  Arguments read;
  std::array<std::uint64_t, event::kMaxInsideArguments + 1> pointers{};
  const std::size_t known =
      Copy(pid, address, reinterpret_cast<char*>(pointers.data()), sizeof pointers) /
      sizeof pointers[0];
  std::size_t left = event::kMaxInsideArgumentBytes;
  for (std::size_t i = 0; i < known && pointers[i] != 0; ++i) {
    std::optional<std::string> text = ReadText(pid, pointers[i]);
    read.cut = i == event::kMaxInsideArguments || !text || text->size() > left;
    if (text && i < event::kMaxInsideArguments) {
      text->resize(std::min(text->size(), left));
      left -= text->size();
      read.texts.push_back(*std::move(text));
    }
    if (read.cut) break;
  }
  return read;
}

std::optional<std::string> BasePathOf(pid_t pid, int directory) {
  std::array<char, PATH_MAX> target;  // NOLINT(*-member-init)
  const ssize_t size = ::readlink(LinkToBase(pid, directory).c_str(), target.data(), target.size());
  if (size <= 0) return std::nullopt;
  return std::string(target.data(), static_cast<std::size_t>(size));
}

std::string JoinPaths(const std::string& base, const std::string& path) {
  std::string joined;
  joined.reserve(base.size() + path.size() + 1);
  const auto append = [&](std::string_view rest) {
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('/'), rest.size());
      const std::string_view part = rest.substr(0, end);
      if (!part.empty() && part != ".") joined.append("/").append(part);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  };
  if (!path.starts_with('/')) append(base);
  append(path);
  return joined.empty() ? "/" : joined;
}

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
    base = OpenDirectory(AT_FDCWD, LinkToBase(pid, old_path->directory));
    if (!base) return std::nullopt;
  }
  const int from = base ? base.get() : AT_FDCWD;
  // Most of what is renamed is a file, and every rename inside waits for this one look.
  struct stat info{};
  if (::fstatat(from, text->c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode)) {
    return std::nullopt;
  }
  Fd parent = OpenDirectory(from, split->parent);
  if (!parent || !IsWritableOverlay(parent.get())) return std::nullopt;
  return NamedDirectory{.parent = std::move(parent), .name = split->name};
}

}  // namespace ambit::spawn::native
