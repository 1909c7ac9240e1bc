#include "workspace/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "sys/file.h"
#include "workspace/disk_owner.h"
#include "workspace/stamp.h"

namespace ambit::workspace {
namespace {

constexpr mode_t kPermissions = 07777;

/// A directory as the lower one is: same mode (without setuid bits), right owner.
Status MakeLike(int dir, const std::string& path, const struct stat& lower,
                const plan::Identity& identity) {
  if (::mkdirat(dir, path.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("mkdir '{}'", Printable(path)));
  }
  AMBIT_CHECK(GiveToDiskOwner(dir, path.c_str(), identity));
  if (::fchmodat(dir, path.c_str(), lower.st_mode & 01777, 0) != 0) {
    return FailErrno(errno, fmt::format("chmod '{}'", Printable(path)));
  }
  return {};
}

Status StatLower(int lower, const std::string& path, struct stat& info) {
  if (::fstatat(lower, path.empty() ? "" : path.c_str(), &info,
                AT_SYMLINK_NOFOLLOW | (path.empty() ? AT_EMPTY_PATH : 0)) != 0) {
    return FailErrno(errno, fmt::format("stat '{}'", Printable(path)));
  }
  return {};
}

/// What hides a name from an overlay; a person may make one like root, since Linux 5.8.
Status WriteWhiteout(int dir, const std::string& path) {
  if (::mknodat(dir, path.c_str(), S_IFCHR, makedev(0, 0)) != 0) {
    return FailErrno(errno, fmt::format("make whiteout '{}'", Printable(path)));
  }
  return {};
}

/// Writes one masked file with the directories above it as the lower tree has them.
Status WriteMask(int run_dir, int lower, const std::string& base, const plan::Mask& mask,
                 const plan::Identity& identity) {
  struct stat info{};
  for (std::size_t slash = mask.path.find('/'); slash != std::string::npos;
       slash = mask.path.find('/', slash + 1)) {
    const std::string parent = mask.path.substr(0, slash);
    AMBIT_CHECK(StatLower(lower, parent, info));
    AMBIT_CHECK(MakeLike(run_dir, base + "/" + parent, info, identity));
  }
  const std::string path = base + "/" + mask.path;
  if (mask.hidden) return WriteWhiteout(run_dir, path);
  AMBIT_CHECK(sys::WriteNewFile(run_dir, path.c_str(), mask.content, mask.mode & kPermissions));
  return GiveToDiskOwner(run_dir, path.c_str(), identity);
}

Status WriteMasks(int run_dir, int lower, const std::string& name,
                  const std::vector<plan::Mask>& masks, const plan::Identity& identity) {
  if (::mkdirat(run_dir, "mask", 0700) != 0 && errno != EEXIST) {
    return FailErrno(errno, "mkdir 'mask'");
  }
  struct stat info{};
  AMBIT_CHECK(StatLower(lower, "", info));
  AMBIT_CHECK(MakeLike(run_dir, "mask/" + name, info, identity));
  for (const plan::Mask& mask : masks) {
    AMBIT_CHECK(WriteMask(run_dir, lower, "mask/" + name, mask, identity));
  }
  return {};
}

/// What a read-only view covers of the host's.
Status PrepareView(int run_dir, const plan::Mount& mount, const plan::Identity& identity) {
  AMBIT_TRY(const Fd lower,
            sys::OpenUnlinked(mount.host.c_str(), O_PATH | O_DIRECTORY, mount.host_id));
  return WriteMasks(run_dir, lower.get(), plan::kViewMask, mount.masks, identity);
}

Result<LayerStart> PrepareLayer(int run_dir, const plan::Layer& layer,
                                const plan::Identity& identity) {
  AMBIT_TRY(const Fd lower,
            sys::OpenUnlinked(layer.lower.c_str(), O_PATH | O_DIRECTORY, layer.lower_id));
  struct stat info{};
  AMBIT_CHECK(StatLower(lower.get(), "", info));
  AMBIT_CHECK(MakeLike(run_dir, "upper/" + layer.name, info, identity));
  AMBIT_CHECK(MakeLike(run_dir, "work/" + layer.name, info, identity));
  const LayerStart start{
      .device = info.st_dev, .inode = info.st_ino, .stamp_ns = TakeStamp(lower.get())};
  if (!layer.masks.empty()) {
    AMBIT_CHECK(WriteMasks(run_dir, lower.get(), layer.name, layer.masks, identity));
  }
  return start;
}

}  // namespace

Result<std::vector<LayerStart>> PrepareLayers(int run_dir, const plan::LaunchPlan& plan) {
  std::vector<LayerStart> starts;
  for (const plan::Layer& layer : plan.layers) {
    AMBIT_TRY(const LayerStart start, PrepareLayer(run_dir, layer, plan.identity));
    starts.push_back(start);
  }
  for (const plan::Mount& mount : plan.mounts) {
    if (!mount.masks.empty()) AMBIT_CHECK(PrepareView(run_dir, mount, plan.identity));
  }
  AMBIT_CHECK(GiveToDiskOwner(run_dir, "home", plan.identity));
  return starts;
}

void MakeScratchRemovable(std::string work_path) {
  // Only the kernel writes here; no name in it is the agent's.
  for (const char* below : {"/work", "/incompat", "/volatile"}) {
    work_path += below;
    if (::chmod(work_path.c_str(), 0700) != 0) return;
  }
}

void MakeScratchRemovable(const std::string& run_path, const plan::LaunchPlan& plan) {
  for (const plan::Layer& layer : plan.layers) {
    MakeScratchRemovable(fmt::format("{}/work/{}", run_path, layer.name));
  }
}

}  // namespace ambit::workspace
