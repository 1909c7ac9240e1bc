#include "spawn/native/root_builder.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

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
constexpr std::uint64_t kInsideOnly =
    RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

std::unexpected<StageError> Stage(Primitive primitive, Error error) {
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
      return FailErrno(errno, fmt::format("mkdir '{}' for '{}'", Printable(name),
                                          Printable(inside)));
    }
    AMBIT_TRY(dir, sys::OpenAt(dir.get(), name.c_str(), O_PATH | O_DIRECTORY, kInsideOnly));
    start = end + 1;
  }
  return dir;
}

/// An empty file at `inside` to mount another file on.
Result<Fd> EnterFile(int root, const std::string& inside) {
  const std::size_t slash = inside.rfind('/');
  AMBIT_TRY(const Fd parent, EnterDirectory(root, std::string_view(inside).substr(0, slash)));
  const std::string name = inside.substr(slash + 1);
  Fd made(::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made) return FailErrno(errno, fmt::format("create '{}'", Printable(inside)));
  return sys::OpenAt(parent.get(), name.c_str(), O_PATH, kInsideOnly);
}

Status MakeEntry(int root, const RootEntry& entry) {
  if (entry.kind == RootEntry::Kind::kDirectory) {
    AMBIT_CHECK(EnterDirectory(root, entry.path));
    return {};
  }
  const std::size_t slash = entry.path.rfind('/');
  AMBIT_TRY(const Fd parent,
            EnterDirectory(root, std::string_view(entry.path).substr(0, slash)));
  const std::string name = entry.path.substr(slash + 1);
  if (entry.kind == RootEntry::Kind::kFile) {
    return sys::WriteNewFile(parent.get(), name.c_str(), entry.content, entry.mode);
  }
  if (::symlinkat(entry.content.c_str(), parent.get(), name.c_str()) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("symlink '{}'", Printable(entry.path)));
  }
  return {};
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

/// A fresh /proc shows the run's processes only, but also knobs of the whole machine: those become
/// read-only or disappear below an empty file or directory.
Status GuardProc(int root, const plan::LaunchPlan& plan, int empty_dir, int null_file) {
  if (!Stands(Wall::kMounts)) return {};
  AMBIT_TRY(const Fd proc, sys::OpenAt(root, "proc", O_PATH | O_DIRECTORY));
  for (const std::string& name : plan.proc_read_only) {
    Result<Fd> tree = sys::CloneTree(proc.get(), name.c_str(), true);
    if (!tree && tree.error().code == Errc::kNotFound) continue;
    if (!tree) return std::unexpected(tree.error());
    AMBIT_CHECK(sys::SetMountAttributes(tree->get(), kQuiet | MOUNT_ATTR_RDONLY, true));
    AMBIT_CHECK(sys::AttachTree(tree->get(), proc.get(), name.c_str()));
  }
  for (const std::string& name : plan.proc_masked) {
    struct stat info {};
    if (::fstatat(proc.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    AMBIT_TRY(const Fd cover, sys::CloneTree(S_ISDIR(info.st_mode) ? empty_dir : null_file, "",
                                             false));
    AMBIT_CHECK(sys::SetMountAttributes(cover.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY, false));
    AMBIT_CHECK(sys::AttachTree(cover.get(), proc.get(), name.c_str()));
  }
  return {};
}

StageResult<void> AttachMount(const Mount& mount, int tree, int root) {
  const auto attach = [&](Result<Fd> made, Primitive primitive) -> StageResult<void> {
    if (!made) return Stage(primitive, made.error());
    if (Status attached = AttachAt(made->get(), root, mount.inside, true); !attached) {
      return Stage(primitive, attached.error());
    }
    return {};
  };
  switch (mount.kind) {
    case Mount::Kind::kTmpfs:
      return attach(NewTmpfs(mount.mode), Primitive::kMountApi);
    case Mount::Kind::kDevpts:
      return attach(NewDevpts(), Primitive::kDevpts);
    case Mount::Kind::kProc:
      return attach(sys::NewFilesystem("proc", {}, kQuiet | MOUNT_ATTR_NOEXEC), Primitive::kProc);
    case Mount::Kind::kBind:
    case Mount::Kind::kLayer:
    case Mount::Kind::kHome:
      if (Status attached = AttachAt(tree, root, mount.inside, mount.directory); !attached) {
        return Stage(Primitive::kMountApi, attached.error());
      }
      return {};
  }
  return {};
}

/// The covers of /proc come from the new root itself: nothing of the host is behind them.
Status GuardProcFromRoot(int root, const plan::LaunchPlan& plan) {
  AMBIT_TRY(const Fd empty, NewTmpfs(0555));
  AMBIT_TRY(const Fd empty_dir, sys::OpenAt(root, ".ambit-empty", O_PATH | O_DIRECTORY));
  AMBIT_CHECK(sys::AttachTreeOn(empty.get(), empty_dir.get()));
  AMBIT_TRY(const Fd mounted, sys::OpenAt(root, ".ambit-empty", O_PATH | O_DIRECTORY));
  AMBIT_TRY(const Fd null_file, sys::OpenAt(root, "dev/null", O_PATH));
  return GuardProc(root, plan, mounted.get(), null_file.get());
}

}  // namespace

StageResult<void> BuildRoot(const plan::LaunchPlan& plan, std::span<const Fd> trees) {
  Result<Fd> root = NewTmpfs(0755);
  if (!root) return Stage(Primitive::kMountApi, root.error());
  if (Status attached = sys::AttachTree(root->get(), AT_FDCWD, "/"); !attached) {
    return Stage(Primitive::kMountApi, attached.error());
  }
  for (const RootEntry& entry : plan.root) {
    if (Status made = MakeEntry(root->get(), entry); !made) {
      return Stage(Primitive::kMountApi, made.error());
    }
  }
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    StageResult<void> attached =
        AttachMount(plan.mounts[i], trees[i].get(), root->get());
    if (!attached) return attached;
  }
  Status finished = GuardProcFromRoot(root->get(), plan);
  if (finished && Stands(Wall::kMounts)) {
    finished = sys::SetAttachedAttributes(root->get(), kQuiet | MOUNT_ATTR_RDONLY);
  }
  if (finished) finished = sys::PivotInto(root->get());
  if (!finished) return Stage(Primitive::kMountApi, finished.error());
  return {};
}

}  // namespace ambit::spawn::native
