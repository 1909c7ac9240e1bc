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
#include <vector>

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

/// An empty file at `inside` to mount another file on, below what may be foreign content.
Result<Fd> EnterFile(int root, const std::string& inside) {
  if (auto there = sys::OpenAt(root, inside.c_str() + 1, O_PATH, kInsideOnly)) return there;
  const std::size_t slash = inside.rfind('/');
  AMBIT_TRY(const Fd parent, sys::EnterDirectory(root, std::string_view(inside).substr(0, slash)));
  const std::string name = inside.substr(slash + 1);
  AMBIT_CHECK(sys::WriteNewFile(parent.get(), name.c_str(), "", 0644));
  return sys::OpenAt(parent.get(), name.c_str(), O_PATH, kInsideOnly);
}

Status AttachAt(int tree, int root, const std::string& inside, bool directory) {
  AMBIT_TRY(const Fd target,
            directory ? sys::EnterDirectory(root, inside) : EnterFile(root, inside));
  return sys::AttachTreeOn(tree, target.get());
}

Result<Fd> NewTmpfs(mode_t mode) {
  const std::array<sys::FsOption, 1> options = {
      sys::FsOption{.key = "mode", .value = fmt::format("{:o}", mode)}};
  return sys::NewFilesystem("tmpfs", options, kQuiet);
}

/// Each may be as large as all memory of the run: what lies there counts as memory.
Result<Fd> NewTmpfsWithin(mode_t mode, const plan::Limits& limits) {
  std::vector<sys::FsOption> options = {{.key = "mode", .value = fmt::format("{:o}", mode)}};
  for (const plan::Limit& limit : limits.all) {
    if (limit.kind == policy::Limit::kMemory) {
      options.push_back({.key = "size", .value = fmt::format("{}", limit.value)});
    } else if (limit.kind == policy::Limit::kInodes) {
      options.push_back({.key = "nr_inodes", .value = fmt::format("{}", limit.value)});
    }
  }
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
StageResult<Fd> NewFilesystemFor(const Mount& mount, const plan::Limits& limits) {
  const auto staged = [](Result<Fd> made, Primitive primitive) -> StageResult<Fd> {
    if (!made) return Stage(primitive, made.error());
    return *std::move(made);
  };
  switch (mount.kind) {
    case Mount::Kind::kTmpfs:
      return staged(NewTmpfsWithin(mount.mode, limits), Primitive::kMountApi);
    case Mount::Kind::kDevpts:
      return staged(NewDevpts(), Primitive::kDevpts);
    case Mount::Kind::kProc:
      return staged(sys::NewFilesystem("proc", {}, kQuiet | MOUNT_ATTR_NOEXEC), Primitive::kProc);
    case Mount::Kind::kBind:
    case Mount::Kind::kLayer:
    case Mount::Kind::kHome:
    case Mount::Kind::kKept:
    case Mount::Kind::kDenials:
      break;
  }
  return Fd();
}

class RootBuilder {
 public:
  explicit RootBuilder(const plan::LaunchPlan& plan) : plan_(plan) {}

  /// Everything that needs nothing of the host.
  StageResult<void> Prepare() {
    own_.resize(plan_.mounts.size());
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      StageResult<Fd> made = NewFilesystemFor(plan_.mounts[i], plan_.limits);
      if (!made) return std::unexpected(made.error());
      own_[i] = *std::move(made);
    }
    return {};
  }

  /// First what is read-only below the root, sealed with it by one call; then the rest.
  Status Finish(const Trees& trees) {
    root_ = trees.root.get();
    AMBIT_CHECK(sys::AttachTree(root_, AT_FDCWD, "/"));
    if (Stands(Wall::kMounts)) AMBIT_CHECK(KeepCovers());
    AMBIT_CHECK(AttachAll(trees.mounts, /*sealed=*/true));
    if (Stands(Wall::kMounts)) {
      AMBIT_CHECK(sys::SetMountAttributes(root_, kQuiet | MOUNT_ATTR_RDONLY, true));
    }
    AMBIT_CHECK(AttachAll(trees.mounts, /*sealed=*/false));
    for (const RootEntry& alias : plan_.aliases) {
      AMBIT_CHECK(sys::MakeSymlink(root_, alias.path, alias.content));
    }
    return sys::PivotInto(root_);
  }

 private:
  Status KeepCovers() {
    AMBIT_TRY(covers_, MakeCovers(root_));
    return {};
  }

  Status AttachAll(std::span<const Fd> trees, bool sealed) {
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
      const Mount& mount = plan_.mounts[i];
      if (mount.sealed_with_root != sealed) continue;
      const Fd& tree = own_[i] ? own_[i] : trees[i];
      AMBIT_CHECK(AttachAt(tree.get(), root_, mount.inside, mount.directory));
      if (mount.kind == Mount::Kind::kProc && Stands(Wall::kMounts)) {
        AMBIT_TRY(const Fd proc, sys::OpenAt(root_, "proc", O_PATH | O_DIRECTORY));
        AMBIT_CHECK(GuardProc(proc.get(), plan_, covers_));
      }
    }
    return {};
  }

  const plan::LaunchPlan& plan_;
  int root_ = -1;
  std::vector<Fd> own_;  // by mount index; empty for what comes as a tree
  Covers covers_;
};

}  // namespace

StageResult<void> BuildRoot(const plan::LaunchPlan& plan,
                            const std::function<StageResult<Trees>()>& await_trees) {
  RootBuilder builder(plan);
  if (auto prepared = builder.Prepare(); !prepared) return prepared;
  const StageResult<Trees> trees = await_trees();
  if (!trees) return std::unexpected(trees.error());
  if (Status finished = builder.Finish(*trees); !finished) {
    return Stage(Primitive::kMountApi, finished.error());
  }
  return {};
}

}  // namespace ambit::spawn::native
