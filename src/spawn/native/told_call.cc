#include "spawn/native/told_call.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/path.h"
#include "spawn/native/tracee.h"

namespace ambit::spawn::native {
namespace {

using event::InsideDetail;
using event::InsideKind;
using event::InsideRecord;

constexpr int kNone = -1;     // no such argument
constexpr int kText = -2;     // a text that is not looked up
constexpr int kWorkDir = -3;  // no descriptor: relative to the working directory

/// Which arguments of a call name what.
struct Shape {
  long number;
  InsideKind kind;
  InsideDetail detail = InsideDetail::kNone;
  int base = kWorkDir;  // argument with the descriptor that `path` is relative to
  int path = 0;         // kNone: the descriptor itself
  int other_base = kNone;
  int other = kNone;
  int mode = kNone;
};

// Sorted by nothing: the compiler makes what it likes of a few dozen comparisons.
constexpr Shape kShapes[] = {
#ifdef SYS_unlink
    {.number = SYS_unlink, .kind = InsideKind::kDelete},
    {.number = SYS_rmdir, .kind = InsideKind::kDelete},
    {.number = SYS_mkdir, .kind = InsideKind::kCreate, .detail = InsideDetail::kDirectory},
    {.number = SYS_mknod, .kind = InsideKind::kCreate, .detail = InsideDetail::kNode},
    {.number = SYS_rename, .kind = InsideKind::kRename, .other_base = kWorkDir, .other = 1},
    {.number = SYS_link,
     .kind = InsideKind::kCreate,
     .detail = InsideDetail::kHardLink,
     .path = 1,
     .other_base = kWorkDir,
     .other = 0},
    {.number = SYS_symlink,
     .kind = InsideKind::kCreate,
     .detail = InsideDetail::kSymlink,
     .path = 1,
     .other_base = kText,
     .other = 0},
    {.number = SYS_chmod, .kind = InsideKind::kMode, .mode = 1},
    {.number = SYS_chown, .kind = InsideKind::kMode, .detail = InsideDetail::kOwner},
    {.number = SYS_lchown, .kind = InsideKind::kMode, .detail = InsideDetail::kOwner},
#endif
    {.number = SYS_unlinkat, .kind = InsideKind::kDelete, .base = 0, .path = 1},
    {.number = SYS_mkdirat,
     .kind = InsideKind::kCreate,
     .detail = InsideDetail::kDirectory,
     .base = 0,
     .path = 1},
    {.number = SYS_mknodat,
     .kind = InsideKind::kCreate,
     .detail = InsideDetail::kNode,
     .base = 0,
     .path = 1},
    {.number = SYS_renameat,
     .kind = InsideKind::kRename,
     .base = 0,
     .path = 1,
     .other_base = 2,
     .other = 3},
    {.number = SYS_renameat2,
     .kind = InsideKind::kRename,
     .base = 0,
     .path = 1,
     .other_base = 2,
     .other = 3},
    {.number = SYS_linkat,
     .kind = InsideKind::kCreate,
     .detail = InsideDetail::kHardLink,
     .base = 2,
     .path = 3,
     .other_base = 0,
     .other = 1},
    {.number = SYS_symlinkat,
     .kind = InsideKind::kCreate,
     .detail = InsideDetail::kSymlink,
     .base = 1,
     .path = 2,
     .other_base = kText,
     .other = 0},
    {.number = SYS_truncate, .kind = InsideKind::kWrite},
    {.number = SYS_fchmod, .kind = InsideKind::kMode, .base = 0, .path = kNone, .mode = 1},
    {.number = SYS_fchown,
     .kind = InsideKind::kMode,
     .detail = InsideDetail::kOwner,
     .base = 0,
     .path = kNone},
    {.number = SYS_fchmodat, .kind = InsideKind::kMode, .base = 0, .path = 1, .mode = 2},
    {.number = 452 /* fchmodat2 */, .kind = InsideKind::kMode, .base = 0, .path = 1, .mode = 2},
    {.number = SYS_fchownat,
     .kind = InsideKind::kMode,
     .detail = InsideDetail::kOwner,
     .base = 0,
     .path = 1},
};

/// One caller and its arguments.
class Call {
 public:
  explicit Call(const seccomp_notif& notification)
      : pid_(static_cast<pid_t>(notification.pid)), data_(notification.data) {}

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] long number() const { return data_.nr; }
  [[nodiscard]] std::uint64_t argument(int index) const { return data_.args[index]; }

  /// The path of argument `path` below what argument `base` names; the latter alone without one.
  /// An empty path is what AT_EMPTY_PATH allows: the same.
  [[nodiscard]] std::optional<std::string> PathAt(int base, int path) const {
    std::optional<std::string> text =
        path == kNone ? std::string() : ReadText(pid_, argument(path));
    if (!text || base == kText) return text;
    if (text->starts_with('/')) return JoinPaths("/", *text);
    const int directory = base == kWorkDir ? AT_FDCWD : static_cast<int>(argument(base));
    const std::optional<std::string> from = BasePathOf(pid_, directory);
    if (!from || !from->starts_with('/')) return std::nullopt;  // a pipe has no place
    return text->empty() ? from : JoinPaths(*from, *text);
  }

 private:
  pid_t pid_;
  const seccomp_data& data_;
};

/// Not by a name that could lead somewhere else meanwhile, and nothing is decided by it.
bool IsThere(const std::string& path) {
  struct stat info{};
  return ::fstatat(AT_FDCWD, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

InsideRecord Begin(const Call& call, InsideKind kind, std::optional<std::string> path) {
  InsideRecord record{.kind = kind};
  record.pid = call.pid();
  record.unreadable = !path;
  if (path) record.path = *std::move(path);
  return record;
}

/// Whether init finds there what the process would: not what is only open, nor what /proc makes of
/// who asks.
bool IsOrdinaryName(std::string_view path) {
  return !path.starts_with("/proc/") && !path.starts_with("/dev/") && !path.contains("/..") &&
         !path.ends_with(" (deleted)");
}

std::optional<InsideRecord> ExecOf(const Call& call, int base, int path, int argv) {
  InsideRecord record = Begin(call, InsideKind::kExec, call.PathAt(base, path));
  if (record.unreadable) return record;
  if (::faccessat(AT_FDCWD, record.path.c_str(), F_OK, 0) != 0 && errno == ENOENT &&
      IsOrdinaryName(record.path)) {
    return std::nullopt;  // a shell that looks for a command along PATH
  }
  Arguments arguments = ReadArguments(call.pid(), call.argument(argv));
  record.argv = std::move(arguments.texts);
  record.cut = arguments.cut;
  record.other = BasePathOf(call.pid(), AT_FDCWD).value_or("");
  return record;
}

std::optional<InsideRecord> OpenOf(const Call& call, int base, int path, std::uint64_t flags,
                                   bool reads) {
  const bool writes = (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0;
  if ((flags & O_PATH) != 0 || (!writes && !reads)) return std::nullopt;
  InsideRecord record =
      Begin(call, writes ? InsideKind::kWrite : InsideKind::kOpen, call.PathAt(base, path));
  // Devices of ours, which keep nothing: every shell opens one to write.
  if (IsBelow(record.path, "/dev") && !IsBelow(record.path, "/dev/shm") &&
      !record.path.contains("/..")) {
    return std::nullopt;
  }
  if ((flags & O_TMPFILE) == O_TMPFILE) {
    record.kind = InsideKind::kCreate;
    record.detail = static_cast<std::uint8_t>(InsideDetail::kUnnamed);
  } else if ((flags & O_CREAT) != 0 && !record.unreadable && !IsThere(record.path)) {
    record.kind = InsideKind::kCreate;
  }
  return record;
}

std::optional<InsideRecord> NamesOf(const Call& call, const Shape& shape) {
  InsideRecord record = Begin(call, shape.kind, call.PathAt(shape.base, shape.path));
  // What is there cannot be made: two of three told calls of a package manager are such tries.
  if (shape.kind == InsideKind::kCreate && IsOrdinaryName(record.path) && IsThere(record.path)) {
    return std::nullopt;
  }
  record.detail = static_cast<std::uint8_t>(shape.detail);
  if (shape.mode != kNone)
    record.number = static_cast<std::int64_t>(call.argument(shape.mode) & 07777);
  if (shape.other == kNone) return record;
  std::optional<std::string> other = call.PathAt(shape.other_base, shape.other);
  record.unreadable |= !other;
  if (other) record.other = *std::move(other);
  return record;
}

}  // namespace

std::optional<InsideRecord> RecordOf(const seccomp_notif& notification, bool reads) {
  const Call call(notification);
  if (call.pid() <= 0) return std::nullopt;
  switch (call.number()) {
    case SYS_execve:
      return ExecOf(call, kWorkDir, 0, 1);
    case SYS_execveat:
      return ExecOf(call, 0, 1, 2);
#ifdef SYS_open
    case SYS_open:
      return OpenOf(call, kWorkDir, 0, call.argument(1), reads);
    case SYS_creat:
      return OpenOf(call, kWorkDir, 0, O_CREAT | O_WRONLY | O_TRUNC, reads);
#endif
    case SYS_openat:
      return OpenOf(call, 0, 1, call.argument(2), reads);
    case SYS_openat2: {
      open_how how{};
      const bool known = ReadBytes(call.pid(), call.argument(2), &how, sizeof how);
      return OpenOf(call, 0, 1, known ? how.flags : std::uint64_t{O_RDWR}, reads);
    }
    default:
      break;
  }
  const auto* const shape = std::ranges::find(kShapes, call.number(), &Shape::number);
  if (shape == std::end(kShapes)) return std::nullopt;
  return NamesOf(call, *shape);
}

}  // namespace ambit::spawn::native
