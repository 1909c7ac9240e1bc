#include "workspace/run_removal.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sys/file.h"
#include "workspace/backing.h"
#include "workspace/change_dir.h"
#include "workspace/disk_full.h"
#include "workspace/project_quota.h"

namespace ambit::workspace {
namespace {

constexpr std::uint64_t kStayInside = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
constexpr std::size_t kMaxOpenLevels = 64;
constexpr std::array kWork = {"upper", "work", "mask", "home", kImage, kIncoming};
constexpr std::time_t kMayBeStarting = 60;  // seconds

/// The directory, made readable for its owner first: an agent may take all permissions away, and so
/// does the kernel with the overlay's scratch directory.
Result<Fd> OpenToEmpty(int parent, const std::string& name) {
  AMBIT_TRY(const Fd place,
            sys::OpenAt(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, kStayInside));
  struct stat info{};
  if (::fstat(place.get(), &info) != 0) {
    return FailErrno(errno, fmt::format("stat '{}'", Printable(name)));
  }
  if ((info.st_mode & S_IRWXU) != S_IRWXU) {
    // fchmod(2) refuses O_PATH; through /proc it is this very inode.
    const std::string self = fmt::format("/proc/self/fd/{}", place.get());
    if (::chmod(self.c_str(), S_IRWXU) != 0) {
      return FailErrno(errno, fmt::format("chmod '{}'", Printable(name)));
    }
  }
  return sys::OpenAt(place.get(), ".", O_RDONLY | O_DIRECTORY);
}

class Remover {
 public:
  explicit Remover(Deadline deadline) : deadline_(deadline) {}

  Status Remove(int dir, const std::string& name) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR) return FailErrno(errno, fmt::format("remove '{}'", Printable(name)));
    Enter(dir, name);
    while (!levels_.empty()) {
      if (std::chrono::steady_clock::now() > deadline_) {
        return Fail(Errc::kLimit, fmt::format("remove '{}': not done in time", Printable(name)));
      }
      Step(dir);
    }
    return first_;
  }

 private:
  struct Level {
    Fd fd;
    std::string name;                // in the level before
    std::vector<std::string> names;  // still to be removed
  };

  void Step(int dir) {
    Level& level = levels_.back();
    if (!level.names.empty()) {
      const std::string name = std::move(level.names.back());
      level.names.pop_back();
      RemoveEntry(level.fd.get(), name);
      return;
    }
    const std::string name = std::move(level.name);
    levels_.pop_back();
    const int parent = levels_.empty() ? dir : levels_.back().fd.get();
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) Note(name);
  }

  void RemoveEntry(int dir, const std::string& name) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR) return Note(name);
    if (levels_.size() < kMaxOpenLevels) return Enter(dir, name);
    MoveToTop(dir, name);
  }

  void Enter(int parent, const std::string& name) {
    auto fd = OpenToEmpty(parent, name);
    auto names = fd ? NamesIn(fd->get()) : std::unexpected(fd.error());
    if (!names) return Note(std::move(names).error());
    levels_.push_back({.fd = *std::move(fd), .name = name, .names = *std::move(names)});
  }

  /// A directory can only be moved by who may write it, so it is opened up first.
  void MoveToTop(int dir, const std::string& name) {
    if (const auto fd = OpenToEmpty(dir, name); !fd) return Note(fd.error());
    Level& top = levels_.front();
    for (;;) {
      std::string moved = fmt::format("deep-{}", next_++);
      if (::renameat2(dir, name.c_str(), top.fd.get(), moved.c_str(), RENAME_NOREPLACE) == 0) {
        return top.names.push_back(std::move(moved));
      }
      if (errno != EEXIST) return Note(name);
    }
  }

  void Note(const std::string& name) {
    const int error = errno;
    Note(FailErrno(error, fmt::format("remove '{}'", Printable(name))).error());
  }
  void Note(Error error) {
    if (first_) first_ = std::unexpected(std::move(error));
  }

  Deadline deadline_;
  std::vector<Level> levels_;
  std::uint64_t next_ = 0;
  Status first_;
};

Status RemoveWork(const RunDir& run, Deadline deadline) {
  LetGoOfProjectQuota(run.fd.get());  // of a run that was killed; upper/ names the project
  Status first;
  for (const char* name : kWork) {
    Status removed = RemoveTree(run.fd.get(), name, deadline);
    if (first && !removed) first = std::move(removed);
  }
  return first;
}

std::uint64_t BytesOf(const struct stat& info) {
  return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

/// Sums up a tree with one descriptor at a time: back up by "..", which must lead where it came
/// from.
class Measure {
 public:
  std::uint64_t Of(int dir) {
    struct stat info{};
    if (::fstat(dir, &info) != 0) return 0;
    device_ = info.st_dev;
    Fd current = Enter(dir, ".");
    while (current && !levels_.empty()) {
      Level& level = levels_.back();
      if (level.names.empty()) {
        levels_.pop_back();
        if (levels_.empty()) break;
        current = Fd(::openat(current.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!current || ::fstat(current.get(), &info) != 0 || info.st_ino != levels_.back().inode ||
            info.st_dev != device_) {
          break;
        }
        continue;
      }
      const std::string name = std::move(level.names.back());
      level.names.pop_back();
      const auto entry = StatOf(current.get(), name);
      if (!entry) continue;
      // Of several names of one file each counts its part.
      bytes_ += BytesOf(*entry) / (S_ISDIR(entry->st_mode) ? 1 : entry->st_nlink);
      if (!S_ISDIR(entry->st_mode)) continue;
      if (Fd below = Enter(current.get(), name)) current = std::move(below);
    }
    return bytes_;
  }

 private:
  struct Level {
    ino_t inode;
    std::vector<std::string> names;
  };

  Fd Enter(int parent, const std::string& name) {
    Fd dir(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info{};
    if (!dir || ::fstat(dir.get(), &info) != 0 || info.st_dev != device_) return Fd();
    // Without the right to search there is no way back up.
    if (::faccessat(dir.get(), ".", X_OK, AT_EACCESS) != 0) return Fd();
    auto names = NamesIn(dir.get());
    if (!names) return Fd();
    levels_.push_back({.inode = info.st_ino, .names = *std::move(names)});
    return dir;
  }

  std::vector<Level> levels_;
  dev_t device_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Status CheckEnded(const RunDir& run) {
  const auto meta = RunStore::ReadMeta(run);
  if (meta) {
    if (!IsAlive(*meta)) return {};
    return Fail(Errc::kInvalidArgument, fmt::format("run {} is still running", run.id),
                "wait for its end, or end the command");
  }
  // One without a record may be about to get it.
  struct stat info{};
  if (::fstat(run.fd.get(), &info) != 0)
    return FailErrno(errno, fmt::format("stat '{}'", run.path));
  if (::time(nullptr) - info.st_ctime >= kMayBeStarting) return {};
  return Fail(Errc::kInvalidArgument, fmt::format("run {} has no record yet", run.id),
              "it may be starting; try again in a minute");
}

Status LockRun(const RunDir& run) {
  if (::flock(run.fd.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return FailErrno(errno, fmt::format("lock run {}", run.id));
  return Fail(Errc::kDenied,
              fmt::format("run {} is in use: another apply, undo, branch or removal of it is under "
                          "way",
                          run.id),
              "try again when it is done");
}

Status LockWork(const RunDir& run) {
  AMBIT_CHECK(LockRun(run));
  return CheckEnded(run) ? BringHomeFromImage(run.fd.get()) : Status();
}

Status RemoveTree(int dir, const std::string& name, Deadline deadline) {
  return Remover(deadline).Remove(dir, name);
}

Status DiscardWork(const RunDir& run, Deadline deadline) {
  AMBIT_CHECK(LockRun(run));
  AMBIT_CHECK(CheckEnded(run));
  const Status marked = SetMark(run, kDiscardedMark);
  if (!marked && !IsDiskFull(marked.error()))
    return marked;  // a full disk has room when the work is gone
  AMBIT_CHECK(RemoveWork(run, deadline));
  return marked ? Status() : SetMark(run, kDiscardedMark);
}

Status RemoveRun(const RunStore& store, const RunDir& run, Deadline deadline) {
  AMBIT_CHECK(DiscardWork(run, deadline));
  AMBIT_TRY(const std::vector<std::string> names, NamesIn(run.fd.get()));
  // The record goes last: until then the run can be named and the command repeated.
  for (const std::string& name : names) {
    if (name != kMetaFile) AMBIT_CHECK(RemoveTree(run.fd.get(), name, deadline));
  }
  AMBIT_CHECK(RemoveTree(run.fd.get(), kMetaFile));
  return store.RemoveEmpty(run.id);
}

std::uint64_t SizeOnDisk(const RunDir& run) { return SizeOnDisk(run.fd.get()); }

std::uint64_t SizeOnDisk(int dir) { return Measure().Of(dir); }

bool HasWork(const RunDir& run) {
  if (::faccessat(run.fd.get(), kImage, F_OK, 0) == 0) return true;
  const auto upper = OpenDirectory(run.fd.get(), "upper");
  if (!upper) return false;
  const auto layers = NamesIn(upper->get());
  if (!layers) return true;
  for (const std::string& layer : *layers) {
    const auto dir = OpenDirectory(upper->get(), layer);
    const auto names = dir ? NamesIn(dir->get()) : std::unexpected(dir.error());
    if (!names || !names->empty()) return true;  // what cannot be read may be something
  }
  return false;
}

Status SetMark(const RunDir& run, const char* mark) {
  const Fd file(::openat(run.fd.get(), mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return FailErrno(errno, fmt::format("create '{}/{}'", run.path, mark));
  return {};
}

Status ClearMark(const RunDir& run, const char* mark) {
  if (::unlinkat(run.fd.get(), mark, 0) == 0 || errno == ENOENT) return {};
  return FailErrno(errno, fmt::format("remove '{}/{}'", run.path, mark));
}

bool HasMark(const RunDir& run, const char* mark) {
  return ::faccessat(run.fd.get(), mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace ambit::workspace
