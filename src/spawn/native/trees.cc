#include "spawn/native/trees.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <optional>
#include <span>

#include "base/text.h"
#include "spawn/native/identity.h"
#include "spawn/native/protocol.h"
#include "spawn/native/walls.h"
#include "sys/fd_passing.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/process.h"
#include "workspace/backing.h"

namespace ambit::spawn::native {
namespace {

using host::Primitive;

std::unexpected<StageError> Stage(Primitive primitive, Error error) {
  if (sys::IsMountCallRefused(error)) primitive = Primitive::kMountApi;
  return std::unexpected(StageError{.primitive = primitive, .error = std::move(error)});
}

std::string DescriptorPath(const Fd& fd) { return fmt::format("/proc/self/fd/{}", fd.get()); }

/// The directories of one overlay. As root they live on idmapped clones, so that the host's owner
/// and the run's user are the same to everybody who looks.
struct LayerDirectories {
  Fd lower;
  Fd mask;        // empty: nothing is masked
  Fd state;       // keeps the idmapped clone of where the others are alive
  Fd mask_state;  // and of where the mask is
  Fd upper;
  Fd work;
};

Result<Fd> Idmapped(int dir, const char* path, int idmap) {
  AMBIT_TRY(Fd tree, sys::CloneTree(dir, path, false));
  AMBIT_CHECK(sys::MakeIdmapped(tree.get(), idmap));
  return tree;
}

/// Where the layers and the home of a run are: its directory, or a file system of its own.
struct State {
  int run_dir;
  int written;    // upper/, work/, home/
  bool attached;  // layers are attached first
};

/// Overlay takes a layer only from what is attached where it is mounted (before Linux 6.15). On `/`
/// nothing changes for paths: they begin below what is mounted there.
Result<Fd> IdmappedLayer(int dir, const char* path, int idmap, bool attached) {
  AMBIT_TRY(Fd tree, Idmapped(dir, path, idmap));
  if (attached) AMBIT_CHECK(sys::AttachTree(tree.get(), AT_FDCWD, "/"));
  return tree;
}

Result<Fd> MakeBacking(const plan::LaunchPlan& plan, int run_dir, bool attached) {
  AMBIT_TRY(Fd backing, workspace::MakeBacking(plan, run_dir));
  if (backing && attached) AMBIT_CHECK(sys::AttachTree(backing.get(), AT_FDCWD, "/"));
  return backing;
}

StageResult<LayerDirectories> OpenLayer(const plan::Layer& layer, const State& in, int idmap) {
  LayerDirectories dirs;
  constexpr std::uint64_t kDirectory = O_PATH | O_DIRECTORY;
  Result<Fd> lower = sys::OpenUnlinked(layer.lower.c_str(), kDirectory, layer.lower_id);
  if (!lower) return Stage(Primitive::kHostPath, lower.error());
  if (idmap >= 0) lower = IdmappedLayer(lower->get(), "", idmap, in.attached);
  if (!lower) return Stage(Primitive::kIdmappedMounts, lower.error());
  dirs.lower = *std::move(lower);
  State state = in;
  if (idmap >= 0) {
    Result<Fd> clone = IdmappedLayer(in.written, "", idmap, in.attached);
    if (!clone) return Stage(Primitive::kIdmappedMounts, clone.error());
    dirs.state = *std::move(clone);
    state.written = dirs.state.get();
  }
  if (idmap >= 0 && !layer.masks.empty()) {
    Result<Fd> clone = IdmappedLayer(in.run_dir, "", idmap, in.attached);
    if (!clone) return Stage(Primitive::kIdmappedMounts, clone.error());
    dirs.mask_state = *std::move(clone);
    state.run_dir = dirs.mask_state.get();
  }
  const auto open = [&](int below, const char* kind, Fd& into) -> Status {
    AMBIT_TRY(into, sys::OpenAt(below, fmt::format("{}/{}", kind, layer.name).c_str(), kDirectory));
    return {};
  };
  Status opened = open(state.written, "upper", dirs.upper);
  if (opened) opened = open(state.written, "work", dirs.work);
  if (opened && !layer.masks.empty()) opened = open(state.run_dir, "mask", dirs.mask);
  if (!opened) return Stage(Primitive::kStateDirectory, opened.error());
  return dirs;
}

StageResult<Fd> MountLayer(const plan::Layer& layer, const plan::Identity& identity,
                           const State& state, int idmap) {
  StageResult<LayerDirectories> dirs = OpenLayer(layer, state, idmap);
  if (!dirs) return std::unexpected(dirs.error());
  std::string lower = DescriptorPath(dirs->lower);
  if (dirs->mask) lower = DescriptorPath(dirs->mask) + ":" + lower;
  std::vector<sys::FsOption> options = {{"lowerdir", lower},
                                        {"upperdir", DescriptorPath(dirs->upper)},
                                        {"workdir", DescriptorPath(dirs->work)},
                                        {"volatile", ""}};  // docs/adr/0009
  if (identity.started_by_root) {
    options.push_back({"redirect_dir", "on"});  // renames of directories work
    options.push_back({"index", "on"});         // hard links stay together
  } else {
    options.push_back({"userxattr", ""});
  }
  Result<Fd> mount = [&] {
    // Overlay checks its upper layer with the file system ids of whoever mounts it. They must be
    // mapped in the idmapped layers, else the kernel mounts read-only without a word.
    std::optional<sys::FilesystemIdentity> as_run_user;
    if (identity.started_by_root) {
      as_run_user.emplace(identity.outside_uid, identity.outside_gid);
    }
    return sys::NewFilesystem("overlay", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  }();
  if (!mount) {
    mount.error().what =
        fmt::format("copy-on-write '{}': {}", Printable(layer.inside), mount.error().what);
    return Stage(Primitive::kOverlay, mount.error());
  }
  struct statfs info{};
  if (::fstatfs(mount->get(), &info) != 0 || (info.f_flags & ST_RDONLY) != 0) {
    return Stage(Primitive::kOverlay,
                 Error{.code = Errc::kUnsupported,
                       .what = fmt::format("copy-on-write '{}': the kernel mounted it read-only",
                                           Printable(layer.inside))});
  }
  return *std::move(mount);
}

/// Empty, and below every read-only view: an overlay without an upper layer needs two lower ones.
Result<Fd> OpenEmptyDirectory(int run_dir) {
  if (::mkdirat(run_dir, "empty", 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, "mkdir 'empty' in the run directory");
  }
  return sys::OpenAt(run_dir, "empty", O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<Fd> OpenViewMask(const State& in, int idmap) {
  const std::string path = fmt::format("mask/{}", plan::kViewMask);
  if (idmap >= 0) return IdmappedLayer(in.run_dir, path.c_str(), idmap, in.attached);
  return sys::OpenAt(in.run_dir, path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

/// A tree of the person's own, to be read. An overlay without an upper layer, not a bind: in a bind
/// the host's unix sockets stay connectable, read-only or not, and what listens there acts with the
/// person's rights. The kernel finds a socket by its inode, and an overlay's inodes are its own.
StageResult<Fd> OpenReadOnlyView(const plan::Mount& mount, const plan::Identity& identity,
                                 const State& in, int idmap) {
  const auto open = [&]() -> Result<Fd> {
    AMBIT_TRY(const Fd empty, OpenEmptyDirectory(in.run_dir));
    AMBIT_TRY(Fd lower, sys::OpenUnlinked(mount.host.c_str(), O_PATH | O_DIRECTORY, mount.host_id));
    if (idmap >= 0) {
      // Without the translation the agent reads what everybody may: less, never more.
      if (auto translated = IdmappedLayer(lower.get(), "", idmap, in.attached))
        lower = *std::move(translated);
    }
    Fd mask;
    std::string layers = DescriptorPath(lower) + ":" + DescriptorPath(empty);
    if (!mount.masks.empty()) {
      AMBIT_TRY(mask, OpenViewMask(in, idmap));
      layers = DescriptorPath(mask) + ":" + DescriptorPath(lower);
    }
    std::vector<sys::FsOption> options = {{"lowerdir", layers}};
    if (!identity.started_by_root) options.push_back({"userxattr", ""});
    return sys::NewFilesystem("overlay", options,
                              MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY);
  };
  Result<Fd> view = open();
  if (!view) {
    view.error().what = fmt::format("'{}': {}", Printable(mount.host), view.error().what);
    return Stage(Primitive::kOverlay, view.error());
  }
  return *std::move(view);
}

/// What a person named must still be what was looked at; the system's own paths may lead through
/// links that only root can change.
Result<Fd> CloneSource(const plan::Mount& mount) {
  if (!mount.owned) return sys::CloneTree(AT_FDCWD, mount.host.c_str(), mount.directory);
  AMBIT_TRY(const Fd source, sys::OpenUnlinked(mount.host.c_str(), O_PATH, mount.host_id));
  return sys::CloneTree(source.get(), "", mount.directory && !plan::WritesToHost(mount));
}

StageResult<Fd> OpenBind(const plan::Mount& mount, int idmap) {
  Result<Fd> tree = CloneSource(mount);
  if (tree && mount.owned && idmap >= 0) {
    const Status translated = sys::MakeIdmapped(tree->get(), idmap);
    // Without the translation (an overlay has none) the agent sees the files as somebody else's and
    // reads what everybody may: less, never more. What it wrote would belong to nobody.
    if (!translated && plan::WritesToHost(mount)) {
      return Stage(Primitive::kIdmappedMounts, translated.error());
    }
  }
  if (tree && !mount.sealed_with_root) {
    std::uint64_t attributes = MOUNT_ATTR_NOSUID;
    if (!mount.device) attributes |= MOUNT_ATTR_NODEV;
    if (mount.read_only && Stands(Wall::kMounts)) attributes |= MOUNT_ATTR_RDONLY;
    if (Status set = sys::SetMountAttributes(tree->get(), attributes, mount.directory); !set) {
      tree = std::unexpected(set.error());
    }
  }
  if (!tree) {
    tree.error().what = fmt::format("'{}': {}", Printable(mount.host), tree.error().what);
    return Stage(Primitive::kHostPath, tree.error());
  }
  return *std::move(tree);
}

StageResult<Fd> OpenHome(int written, int idmap) {
  Result<Fd> tree =
      idmap >= 0 ? Idmapped(written, "home", idmap) : sys::CloneTree(written, "home", true);
  if (tree) {
    if (Status set =
            sys::SetMountAttributes(tree->get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, true);
        !set) {
      tree = std::unexpected(set.error());
    }
  }
  if (!tree) {
    return Stage(idmap >= 0 ? Primitive::kIdmappedMounts : Primitive::kStateDirectory,
                 tree.error());
  }
  return *std::move(tree);
}

/// Agents write into it, but no further up: every directory on the way is ambit's own, and the one
/// that is mounted cannot be exchanged for a link by what was written there.
Result<Fd> CloneKept(const plan::Kept& kept, const std::string& root_path) {
  constexpr std::uint64_t kStayBelow =
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  AMBIT_TRY(const Fd root, sys::OpenUnlinked(root_path.c_str(), O_PATH | O_DIRECTORY));
  const std::string content = fmt::format("{}/{}", kept.name, plan::kKeptContent);
  AMBIT_TRY(const Fd dir,
            sys::OpenAt(root.get(), content.c_str(), O_PATH | O_DIRECTORY, kStayBelow));
  return sys::CloneTree(dir.get(), "", false);
}

StageResult<Fd> OpenKept(const plan::Kept& kept, const std::string& root, int idmap) {
  Result<Fd> tree = CloneKept(kept, root);
  if (!tree) {
    tree.error().what = fmt::format("keep '~/{}': {}", Printable(kept.place), tree.error().what);
    return Stage(Primitive::kStateDirectory, tree.error());
  }
  if (idmap >= 0) {
    if (Status translated = sys::MakeIdmapped(tree->get(), idmap); !translated) {
      return Stage(Primitive::kIdmappedMounts, translated.error());
    }
  }
  if (Status set =
          sys::SetMountAttributes(tree->get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false);
      !set) {
    return Stage(Primitive::kMountApi, set.error());
  }
  return *std::move(tree);
}

StageResult<Fd> OpenDenials(int run_dir) {
  Result<Fd> tree = sys::CloneTree(run_dir, plan::kDenialsFile, false);
  if (tree) {
    const Status set = sys::SetMountAttributes(
        tree->get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY,
        false);
    if (!set) tree = std::unexpected(set.error());
  }
  if (!tree) return Stage(Primitive::kStateDirectory, tree.error());
  return *std::move(tree);
}

/// Whether the mount is one that OpenTrees makes.
bool ShowsTheHost(const plan::Mount& mount) {
  return mount.kind == plan::Mount::Kind::kBind || mount.kind == plan::Mount::Kind::kLayer ||
         mount.kind == plan::Mount::Kind::kHome || mount.kind == plan::Mount::Kind::kKept ||
         mount.kind == plan::Mount::Kind::kDenials;
}

StageResult<Trees> OpenTreesHere(const plan::LaunchPlan& plan, const Places& places,
                                 bool attached) {
  const Result<Fd> run_dir =
      sys::OpenAt(AT_FDCWD, places.run.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!run_dir) return Stage(Primitive::kStateDirectory, run_dir.error());
  Result<Fd> root = sys::CloneTree(AT_FDCWD, places.root.c_str(), false);
  if (!root) return Stage(Primitive::kStateDirectory, root.error());
  Fd idmap;
  if (plan.identity.started_by_root) {
    Result<Fd> made = MakeIdmapNamespace(plan.identity);
    if (!made) return Stage(Primitive::kIdmappedMounts, made.error());
    idmap = *std::move(made);
  }
  Result<Fd> backing = MakeBacking(plan, run_dir->get(), attached);
  if (!backing) return Stage(Primitive::kStateDirectory, backing.error());
  const State state{.run_dir = run_dir->get(),
                    .written = *backing ? backing->get() : run_dir->get(),
                    .attached = attached};
  std::vector<Fd> trees(plan.mounts.size());
  for (std::size_t i = 0; i < plan.mounts.size(); ++i) {
    const plan::Mount& mount = plan.mounts[i];
    if (!ShowsTheHost(mount)) continue;
    StageResult<Fd> tree = Fd();
    switch (mount.kind) {
      case plan::Mount::Kind::kBind:
        tree = mount.without_sockets
                   ? OpenReadOnlyView(mount, plan.identity, state, mount.owned ? idmap.get() : -1)
                   : OpenBind(mount, idmap.get());
        break;
      case plan::Mount::Kind::kLayer:
        tree = MountLayer(plan.layers[mount.layer], plan.identity, state, idmap.get());
        break;
      case plan::Mount::Kind::kHome:
        tree = OpenHome(state.written, idmap.get());
        break;
      case plan::Mount::Kind::kKept:
        tree = OpenKept(plan.kept[mount.layer], places.kept, idmap.get());
        break;
      case plan::Mount::Kind::kDenials:
        tree = OpenDenials(run_dir->get());
        break;
      case plan::Mount::Kind::kTmpfs:
      case plan::Mount::Kind::kProc:
      case plan::Mount::Kind::kDevpts:
        break;
    }
    if (!tree) return std::unexpected(tree.error());
    trees[i] = *std::move(tree);
  }
  return Trees{
      .root = *std::move(root), .backing = *std::move(backing), .mounts = std::move(trees)};
}

}  // namespace

StageResult<Trees> OpenTrees(const plan::LaunchPlan& plan, const Places& places) {
  // A user's are opened in init's mount namespace, which the host does not see.
  if (!plan.identity.started_by_root) return OpenTreesHere(plan, places, /*attached=*/true);
  StageResult<Trees> trees = OpenTreesHere(plan, places, /*attached=*/false);
  const bool refused = !trees && trees.error().primitive == Primitive::kOverlay &&
                       trees.error().error.sys_errno == EINVAL;
  if (!refused) return trees;
  // A kernel that asks for attached layers, most likely.
  const Status own =
      sys::InOwnMounts([&] { trees = OpenTreesHere(plan, places, /*attached=*/true); });
  if (!own) return Stage(Primitive::kNamespaces, own.error());
  return trees;
}

Status SendTrees(int socket, const Trees& trees) {
  std::vector<int> fds = {trees.root.get()};
  for (const Fd& tree : trees.mounts) {
    if (tree) fds.push_back(tree.get());
  }
  const Message message{.kind = MessageKind::kTrees,
                        .number = static_cast<std::int32_t>(fds.size())};
  return sys::SendFds(socket, std::as_bytes(std::span(&message, 1)), fds);
}

StageResult<Trees> ReceiveTrees(int socket, const plan::LaunchPlan& plan) {
  Message message;
  std::vector<Fd> received(sys::kMaxPassedFds);
  const Result<sys::Received> got =
      sys::ReceiveFds(socket, std::as_writable_bytes(std::span(&message, 1)), received);
  if (!got) return Stage(Primitive::kInit, got.error());
  if (got->bytes == sizeof message && message.kind == MessageKind::kFailed) {
    return Stage(static_cast<Primitive>(message.number),
                 Error{.code = ErrcOf(message.error),
                       .sys_errno = message.error,
                       .what = std::string(message.Text())});
  }
  Trees trees{
      .root = std::move(received[0]), .backing = {}, .mounts = std::vector<Fd>(plan.mounts.size())};
  std::size_t next = 1;
  for (std::size_t i = 0; i < trees.mounts.size(); ++i) {
    if (!ShowsTheHost(plan.mounts[i])) continue;
    if (next == got->fds) break;
    trees.mounts[i] = std::move(received[next++]);
  }
  if (got->bytes != sizeof message || message.kind != MessageKind::kTrees || !trees.root ||
      next != got->fds) {
    return Stage(Primitive::kInit, FailErrno(EPROTO, "the mounts of the host").error());
  }
  return trees;
}

}  // namespace ambit::spawn::native
