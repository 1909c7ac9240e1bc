#include "workspace/tree_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "sys/file.h"
#include "workspace/change_dir.h"

namespace ambit::workspace {
namespace {

constexpr std::size_t kLongestFirstName = 4000;  // a path that the kernel takes, with room
constexpr mode_t kPermissions = 07777;

Status Failed(const char* what, const std::string& name) {
  const int error = errno;
  return FailErrno(error, fmt::format("{} '{}'", what, Printable(name)));
}

/// A path that the calls without a descriptor take; its last component is not followed by them.
std::string ThroughProc(int dir, const std::string& name) {
  return fmt::format("/proc/self/fd/{}/{}", dir, name);
}

/// The overlay's marks. What the agent set besides no review brings anywhere.
bool IsCopied(std::string_view attribute) {
  return attribute.starts_with("user.overlay.") || attribute.starts_with("trusted.overlay.");
}

class TreeCopier {
 public:
  Status Copy(int from_dir, const std::string& from_name, int to_dir, const std::string& to_name) {
    struct stat info{};
    if (::fstatat(from_dir, from_name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed("stat", from_name);
    }
    AMBIT_CHECK(Enter(from_dir, from_name, to_dir, to_name, info));
    AMBIT_TRY(root_, OpenDirectory(to_.get(), "."));
    while (!levels_.empty()) AMBIT_CHECK(Step());
    Note(CopyProperties(from_dir, from_name, to_dir, to_name, info));
    return first_;
  }

 private:
  struct Level {
    std::string name;  // in the level before
    std::string path;  // below the top; empty: the top itself, or longer than any that is asked for
    struct stat info;
    std::vector<std::string> names;  // still to be copied
  };

  Status Step() {
    Level& level = levels_.back();
    if (level.names.empty()) return Leave();
    const std::string name = std::move(level.names.back());
    level.names.pop_back();
    Note(CopyEntry(name));
    return {};
  }

  /// One that cannot be copied is no reason to lose the others.
  void Note(Status status) {
    if (first_ && !status) first_ = std::move(status);
  }

  Status Enter(int from, const std::string& from_name, int to, const std::string& to_name,
               const struct stat& info) {
    if (::mkdirat(to, to_name.c_str(), 0700) != 0) return Failed("mkdir", to_name);
    AMBIT_TRY(Fd source, OpenReadable(from, from_name, info));
    AMBIT_TRY(Fd target, OpenDirectory(to, to_name));
    AMBIT_TRY(std::vector<std::string> names, NamesIn(source.get()));
    std::string path = levels_.empty() ? "" : PathOf(to_name);
    levels_.push_back(
        {.name = from_name, .path = std::move(path), .info = info, .names = std::move(names)});
    from_ = std::move(source);
    to_ = std::move(target);
    return {};
  }

  /// Nobody moves a directory meanwhile, so `..` is where it came from.
  Status Leave() {
    const Level done = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty()) return {};
    AMBIT_TRY(from_, OpenDirectory(from_.get(), ".."));
    AMBIT_TRY(to_, OpenDirectory(to_.get(), ".."));
    Note(CopyProperties(from_.get(), done.name, to_.get(), done.name, done.info));
    return {};
  }

  Status CopyEntry(const std::string& name) {
    struct stat info{};
    if (::fstatat(from_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed("stat", name);
    }
    if (S_ISDIR(info.st_mode)) return Enter(from_.get(), name, to_.get(), name, info);
    if (LinkToFirstName(name, info)) return {};
    if (S_ISREG(info.st_mode)) {
      AMBIT_CHECK(CopyFile(name, info));
    } else if (S_ISLNK(info.st_mode)) {
      AMBIT_TRY(const std::string target, sys::ReadLink(from_.get(), name.c_str()));
      if (::symlinkat(target.c_str(), to_.get(), name.c_str()) != 0) return Failed("link", name);
    } else if (::mknodat(to_.get(), name.c_str(), info.st_mode & (S_IFMT | 0600), info.st_rdev) !=
               0) {
      return Failed("make", name);
    }
    return CopyProperties(from_.get(), name, to_.get(), name, info);
  }

  [[nodiscard]] std::string PathOf(const std::string& name) const {
    const std::string& above = levels_.back().path;
    if (above.empty()) return levels_.size() == 1 ? name : std::string();
    return above.size() + name.size() < kLongestFirstName ? above + "/" + name : std::string();
  }

  bool LinkToFirstName(const std::string& name, const struct stat& info) {
    if (info.st_nlink < 2) return false;
    std::string path = PathOf(name);
    if (path.empty()) return false;
    const auto [first, is_first] = first_names_.try_emplace(info.st_ino, std::move(path));
    return !is_first &&
           ::linkat(root_.get(), first->second.c_str(), to_.get(), name.c_str(), 0) == 0;
  }

  /// An agent may take permissions away, also its own.
  static Result<Fd> OpenReadable(int dir, const std::string& name, const struct stat& info) {
    const mode_t needed = S_ISDIR(info.st_mode) ? S_IRWXU : S_IRUSR;
    if ((info.st_mode & needed) != needed && ::fchmodat(dir, name.c_str(), needed, 0) != 0) {
      return std::unexpected(Failed("chmod", name).error());
    }
    Fd file(::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return std::unexpected(Failed("open", name).error());
    return file;
  }

  Status CopyFile(const std::string& name, const struct stat& info) const {
    AMBIT_TRY(const Fd from, OpenReadable(from_.get(), name, info));
    const Fd to(::openat(to_.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!to) return Failed("create", name);
    if (::ftruncate(to.get(), info.st_size) != 0) return Failed("write", name);
    off_t at = 0;
    while ((at = ::lseek(from.get(), at, SEEK_DATA)) >= 0) {
      const off_t end = ::lseek(from.get(), at, SEEK_HOLE);
      if (end < 0 || ::lseek(to.get(), at, SEEK_SET) < 0) return Failed("seek in", name);
      while (at < end) {
        const ssize_t n = ::sendfile(to.get(), from.get(), &at, static_cast<std::size_t>(end - at));
        if (n == 0) return Fail(Errc::kIo, fmt::format("copy '{}': cut short", Printable(name)));
        if (n < 0 && errno != EINTR) return Failed("copy", name);
      }
    }
    return errno == ENXIO ? Status{} : Failed("seek in", name);
  }

  static Status CopyProperties(int from, const std::string& from_name, int to,
                               const std::string& to_name, const struct stat& info) {
    if (::geteuid() == 0 &&
        ::fchownat(to, to_name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed("chown", to_name);
    }
    AMBIT_CHECK(CopyAttributes(ThroughProc(from, from_name), ThroughProc(to, to_name), to_name));
    if (!S_ISLNK(info.st_mode) &&
        ::fchmodat(to, to_name.c_str(), info.st_mode & kPermissions, 0) != 0) {
      return Failed("chmod", to_name);
    }
    const std::array<timespec, 2> times = {info.st_atim, info.st_mtim};
    if (::utimensat(to, to_name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed("set the times of", to_name);
    }
    return {};
  }

  static Status CopyAttributes(const std::string& from, const std::string& to,
                               const std::string& name) {
    std::array<char, XATTR_LIST_MAX> names{};
    const ssize_t size = ::llistxattr(from.c_str(), names.data(), names.size());
    if (size < 0 && errno == ENOTSUP) return {};
    if (size < 0) return Failed("list attributes of", name);
    std::vector<char> value;
    for (std::string_view rest(names.data(), static_cast<std::size_t>(size)); !rest.empty();) {
      const std::string attribute(rest.substr(0, rest.find('\0')));
      rest.remove_prefix(attribute.size() + 1);
      if (!IsCopied(attribute)) continue;
      value.resize(XATTR_SIZE_MAX);
      const ssize_t n = ::lgetxattr(from.c_str(), attribute.c_str(), value.data(), value.size());
      if (n < 0) return Failed("read an attribute of", name);
      if (::lsetxattr(to.c_str(), attribute.c_str(), value.data(), static_cast<std::size_t>(n),
                      0) != 0) {
        return Failed("set an attribute of", name);
      }
    }
    return {};
  }

  Fd from_;  // the directories of the last level
  Fd to_;
  Fd root_;  // the copy's top
  std::vector<Level> levels_;
  Status first_;  // what went wrong first
  std::map<ino_t, std::string> first_names_;
};

}  // namespace

Status CopyTree(int from_dir, const std::string& from_name, int to_dir,
                const std::string& to_name) {
  return TreeCopier().Copy(from_dir, from_name, to_dir, to_name);
}

}  // namespace ambit::workspace
