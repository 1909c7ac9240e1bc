#include "spawn/native/root_builder.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "spawn/native/walls.h"
#include "sys/file.h"
#include "sys/mount.h"

namespace ambit::spawn::native {
namespace {

using host::Primitive;
using plan::Mount;
using plan::RootEntry;

constexpr std::uint64_t kQuiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
// Never through a symlink: parts of the new root (the project, a layer) have content that somebody
// else wrote, and an absolute link in it would lead to the host's tree.
constexpr std::uint64_t kInsideOnly = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

std::unexpected<StageError> Stage(Primitive primitive, Error error) {
  if (sys::IsMountCallRefused(error)) primitive = Primitive::kMountApi;
  return std::unexpected(StageError{.primitive = primitive, .error = std::move(error)});
}

/// Opens the directory `inside` below `root`, making what is missing of it.
Result<Fd> EnterDirectory(int root, std::string_view inside) {
  if (inside.size() <= 1) return sys::OpenAt(root, ".", O_PATH | O_DIRECTORY);
  const std::string relative(inside.substr(1));
  if (auto whole = sys::OpenAt(root, relative.c_str(), O_PATH | O_DIRECTORY, kInsideOnly)) {
    return whole;
  }
  AMBIT_TRY(Fd dir, sys::OpenAt(root, ".", O_PATH | O_DIRECTORY));
  for (std::size_t start = 0; start < relative.size();) {
    const std::size_t end = std::min(relative.find('/', start), relative.size());
    const std::string name = relative.substr(start, end - start);
    if (::mkdirat(dir.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      return FailErrno(errno,
                       fmt::format("mkdir '{}' for '{}'", Printable(name), Printable(inside)));
    }
    AMBIT_TRY(dir, sys::OpenAt(dir.get(), name.c_str(), O_PATH | O_DIRECTORY, kInsideOnly));
    start = end + 1;
  }
  return dir;
}

// ---- The empty root. It is ours alone and has no symlink yet, so plain relative paths are safe,
// ---- and one call each is what start-up is made of.

Status MakeDirectoryAt(int root, const std::string& inside) {
  const char* relative = inside.c_str() + 1;
  if (::mkdirat(root, relative, 0755) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT) return sys::MakeDirectories(root, relative);
  return FailErrno(errno, fmt::format("mkdir '{}'", Printable(inside)));
}

Status MakeFileAt(int root, const std::string& inside, std::string_view content, mode_t mode) {
  const Status made = sys::WriteNewFile(root, inside.c_str() + 1, content, mode);
  if (made || made.error().sys_errno != ENOENT) return made;
  AMBIT_CHECK(MakeDirectoryAt(root, inside.substr(0, inside.rfind('/'))));
  return sys::WriteNewFile(root, inside.c_str() + 1, content, mode);
}

/// A link that is in the way is what the plan wanted; a directory there is a mount point.
Status MakeSymlinkInside(int root, const RootEntry& entry) {
  const std::size_t slash = entry.path.rfind('/');
  AMBIT_TRY(const Fd parent, EnterDirectory(root, std::string_view(entry.path).substr(0, slash)));
  const std::string name = entry.path.substr(slash + 1);
  if (::symlinkat(entry.content.c_str(), parent.get(), name.c_str()) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("symlink '{}'", Printable(entry.path)));
  }
  return {};
}

/// An empty file at `inside` to mount another file on, below what may be foreign content.
Result<Fd> EnterFile(int root, const std::string& inside) {
  if (auto there = sys::OpenAt(root, inside.c_str() + 1, O_PATH, kInsideOnly)) return there;
  const std::size_t slash = inside.rfind('/');
  AMBIT_TRY(const Fd parent, EnterDirectory(root, std::string_view(inside).substr(0, slash)));
  const std::string name = inside.substr(slash + 1);
  AMBIT_CHECK(sys::WriteNewFile(parent.get(), name.c_str(), "", 0644));
  return sys::OpenAt(parent.get(), name.c_str(), O_PATH, kInsideOnly);
}

Status AttachAt(int tree, int root, const std::string& inside, bool directory) {
  AMBIT_TRY(const Fd target, directory ? EnterDirectory(root, inside) : EnterFile(root, inside));
  return sys::AttachTreeOn(tree, target.get());
}

Result<Fd> NewTmpfs(mode_t mode) {
  const std::array<sys::FsOption, 1> options = {
      sys::FsOption{.key = "mode", .value = fmt::format("{:o}", mode)}};
  return sys::NewFilesystem("tmpfs", options, kQuiet);
}

Result<Fd> NewDevpts() {
  const std::array<sys::FsOption, 2> options = {sys::FsOption{.key = "mode", .value = "620"},
                                                sys::FsOption{.key = "ptmxmode", .value = "666"}};
  return sys::NewFilesystem("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

/// What covers a masked name in /proc. Made in a file system of its own that is mounted where /proc
/// will be: copies can only be taken from what is attached (before Linux 6.15), and /proc then
/// hides it for good.
struct Covers {
  Fd directory;
  Fd file;
};

Result<Covers> MakeCovers(int root) {
  AMBIT_TRY(const Fd tmpfs, NewTmpfs(0555));
  if (::mkdirat(tmpfs.get(), "directory", 0555) != 0) return FailErrno(errno, "mkdir a cover");
  AMBIT_CHECK(sys::WriteNewFile(tmpfs.get(), "file", "", 0444));
  AMBIT_CHECK(sys::SetMountAttributes(tmpfs.get(), kQuiet | MOUNT_ATTR_RDONLY, false));
  AMBIT_CHECK(AttachAt(tmpfs.get(), root, "/proc", true));
  AMBIT_TRY(const Fd attached, sys::OpenAt(root, "proc", O_PATH | O_DIRECTORY));
  Covers covers;
  AMBIT_TRY(covers.directory, sys::OpenAt(attached.get(), "directory", O_PATH | O_DIRECTORY));
  AMBIT_TRY(covers.file, sys::OpenAt(attached.get(), "file", O_PATH));
  return covers;
}

/// A fresh /proc shows the run's processes only, but also knobs of the whole machine: those become
/// read-only or disappear below an empty file or directory.
Status GuardProc(int proc, const plan::LaunchPlan& plan, const Covers& covers) {
  for (const std::string& name : plan.proc_read_only) {
    Result<Fd> tree = sys::CloneTree(proc, name.c_str(), true);
    if (!tree && tree.error().code == Errc::kNotFound) continue;
    if (!tree) return std::unexpected(tree.error());
    AMBIT_CHECK(sys::SetMountAttributes(tree->get(), kQuiet | MOUNT_ATTR_RDONLY, true));
    AMBIT_CHECK(sys::AttachTree(tree->get(), proc, name.c_str()));
  }
  for (const std::string& name : plan.proc_masked) {
    struct stat info{};
    if (::fstatat(proc, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return FailErrno(errno, fmt::format("stat '/proc/{}'", name));
    }
    const Fd& cover = S_ISDIR(info.st_mode) ? covers.directory : covers.file;
    AMBIT_TRY(const Fd copy, sys::CloneTree(cover.get(), "", false));
    AMBIT_CHECK(sys::AttachTree(copy.get(), proc, name.c_str()));
  }
  return {};
}

/// File systems that hold nothing of the host; those that do come as trees.
StageResult<Fd> NewFilesystemFor(const Mount& mount) {
  const auto staged = [](Result<Fd> made, Primitive primitive) -> StageResult<Fd> {
    if (!made) return Stage(primitive, made.error());
    return *std::move(made);
  };
  switch (mount.kind) {
    case Mount::Kind::kTmpfs:
      return staged(NewTmpfs(mount.mode), Primitive::kMountApi);
    case Mount::Kind::kDevpts:
      return staged(NewDevpts(), Primitive::kDevpts);
    case Mount::Kind::kProc:
      return staged(sys::NewFilesystem("proc", {}, kQuiet | MOUNT_ATTR_NOEXEC), Primitive::kProc);
    case Mount::Kind::kBind:
    case Mount::Kind::kLayer:
    case Mount::Kind::kHome:
      break;
  }
  return Fd();
}

class RootBuilder {
 public:
  explicit RootBuilder(const plan::LaunchPlan& plan) : plan_(plan) {}

  /// Everything that needs nothing of the host.
  StageResult<void> Prepare() {
    Status prepared = MakeRootDirectory();
    if (prepared) prepared = MakeEntriesAndMountPoints();
    if (prepared && Stands(Wall::kMounts)) prepared = KeepCovers();
    if (!prepared) return Stage(Primitive::kMountApi, prepared.error());
    own_.resize(plan_.mounts.size());
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      StageResult<Fd> made = NewFilesystemFor(plan_.mounts[i]);
      if (!made) return std::unexpected(made.error());
      own_[i] = *std::move(made);
    }
    return {};
  }

  /// First what is read-only below the root, sealed with it by one call; then the rest.
  Status Finish(std::span<const Fd> trees) {
    AMBIT_CHECK(AttachAll(trees, /*sealed=*/true));
    if (Stands(Wall::kMounts)) {
      AMBIT_CHECK(sys::SetMountAttributes(root_.get(), kQuiet | MOUNT_ATTR_RDONLY, true));
    }
    AMBIT_CHECK(AttachAll(trees, /*sealed=*/false));
    for (const RootEntry& alias : plan_.aliases) {
      if (LiesBelowAMount(alias.path)) AMBIT_CHECK(MakeSymlinkInside(root_.get(), alias));
    }
    return sys::PivotInto(root_.get());
  }

 private:
  Status MakeRootDirectory() {
    AMBIT_TRY(root_, NewTmpfs(0755));
    return sys::AttachTree(root_.get(), AT_FDCWD, "/");
  }

  /// The root is read-only once it is sealed: what is attached to it later needs its place now.
  Status MakeEntriesAndMountPoints() {
    for (const RootEntry& entry : plan_.root) {
      if (entry.kind == RootEntry::Kind::kDirectory) {
        AMBIT_CHECK(MakeDirectoryAt(root_.get(), entry.path));
      } else if (entry.kind == RootEntry::Kind::kFile) {
        AMBIT_CHECK(MakeFileAt(root_.get(), entry.path, entry.content, entry.mode));
      }
    }
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      if (LiesBelowAMount(plan_.mounts[i].inside)) continue;
      const Mount& mount = plan_.mounts[i];
      AMBIT_CHECK(mount.directory ? MakeDirectoryAt(root_.get(), mount.inside)
                                  : MakeFileAt(root_.get(), mount.inside, "", 0644));
    }
    // Links come last: nothing above may be made through one.
    for (const RootEntry& entry : plan_.root) {
      if (entry.kind == RootEntry::Kind::kSymlink) {
        AMBIT_CHECK(MakeSymlinkInside(root_.get(), entry));
      }
    }
    for (const RootEntry& alias : plan_.aliases) {
      if (!LiesBelowAMount(alias.path)) AMBIT_CHECK(MakeSymlinkInside(root_.get(), alias));
    }
    return {};
  }

  bool LiesBelowAMount(const std::string& path) const {
    return std::ranges::any_of(plan_.mounts, [&](const Mount& mount) {
      return path.size() > mount.inside.size() && path.starts_with(mount.inside) &&
             path[mount.inside.size()] == '/';
    });
  }

  Status KeepCovers() {
    AMBIT_TRY(covers_, MakeCovers(root_.get()));
    return {};
  }

  Status AttachAll(std::span<const Fd> trees, bool sealed) {
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      const Mount& mount = plan_.mounts[i];
      if (mount.sealed_with_root != sealed) continue;
      const Fd& tree = own_[i] ? own_[i] : trees[i];
      AMBIT_CHECK(AttachAt(tree.get(), root_.get(), mount.inside, mount.directory));
      if (mount.kind == Mount::Kind::kProc && Stands(Wall::kMounts)) {
        AMBIT_TRY(const Fd proc, sys::OpenAt(root_.get(), "proc", O_PATH | O_DIRECTORY));
        AMBIT_CHECK(GuardProc(proc.get(), plan_, covers_));
      }
    }
    return {};
  }

  const plan::LaunchPlan& plan_;
  Fd root_;
  std::vector<Fd> own_;  // by mount index; empty for what comes as a tree
  Covers covers_;
};

}  // namespace

StageResult<void> BuildRoot(const plan::LaunchPlan& plan,
                            const std::function<StageResult<std::vector<Fd>>()>& await_trees) {
  RootBuilder builder(plan);
  if (auto prepared = builder.Prepare(); !prepared) return prepared;
  const StageResult<std::vector<Fd>> trees = await_trees();
  if (!trees) return std::unexpected(trees.error());
  if (Status finished = builder.Finish(*trees); !finished) {
    return Stage(Primitive::kMountApi, finished.error());
  }
  return {};
}

}  // namespace ambit::spawn::native
