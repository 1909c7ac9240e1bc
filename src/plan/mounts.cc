#include "plan/mounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "base/path.h"

namespace ambit::plan {
namespace {

using Kind = Mount::Kind;

Mount Tmpfs(std::string inside, mode_t mode) {
  return {.kind = Kind::kTmpfs, .inside = std::move(inside), .mode = mode};
}

Mount ReadOnlyBind(const std::string& path, bool directory) {
  return {
      .kind = Kind::kBind, .inside = path, .host = path, .directory = directory, .read_only = true};
}

Mount Device(const char* path) {
  return {.kind = Kind::kBind, .inside = path, .host = path, .directory = false, .device = true};
}

std::optional<sys::FileId> IdOf(const std::string& path, const host::HostFacts& facts) {
  if (path == facts.project.root) return facts.project.id;
  const auto found = facts.path_ids.find(path);
  return found == facts.path_ids.end() ? std::nullopt : std::optional(found->second);
}

bool HasNothingMountedBelow(const std::string& path, const host::HostFacts& facts) {
  return std::ranges::none_of(facts.mount_points,
                              [&](const std::string& point) { return IsBelow(point, path); });
}

/// Something of the person's own, to be read.
Mount ReadOnlyView(const std::string& path, bool directory, const host::HostFacts& facts) {
  Mount mount = ReadOnlyBind(path, directory);
  mount.owned = true;
  mount.host_id = IdOf(path, facts);
  mount.without_sockets = directory && HasNothingMountedBelow(path, facts);
  return mount;
}

/// The project itself, for those who want direct writes.
Mount DirectView(const host::Project& project) {
  return {.kind = Kind::kBind,
          .inside = project.root,
          .host = project.root,
          .host_id = project.id,
          .owned = true};
}

/// Parents come before children, so a mount's ancestors are already marked.
void MarkWhatIsSealedWithTheRoot(std::vector<Mount>& mounts) {
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    mounts[i].sealed_with_root =
        mounts[i].read_only &&
        std::none_of(
            mounts.begin(), mounts.begin() + static_cast<long>(i), [&](const Mount& above) {
              return !above.sealed_with_root &&
                     (mounts[i].inside == above.inside || IsBelow(mounts[i].inside, above.inside));
            });
  }
}

std::vector<Mask> MasksIn(const std::string& root, std::span<const host::MaskedFile> masked) {
  std::vector<Mask> masks;
  for (const host::MaskedFile& file : masked) {
    if (file.layer != root) continue;
    masks.push_back({.path = file.path,
                     .content = file.content,
                     .mode = file.mode,
                     .hidden = file.hidden,
                     .rule = file.rule});
  }
  return masks;
}

std::size_t Depth(const std::string& path) {
  return static_cast<std::size_t>(std::ranges::count(path, '/'));
}

}  // namespace

std::vector<Layer> MakeLayers(const policy::Policy& policy, const host::HostFacts& facts,
                              const host::GitProject& git,
                              std::span<const host::MaskedFile> masked) {
  std::vector<Layer> layers;
  if (policy.project == policy::ProjectMode::kCopyOnWrite) {
    layers.push_back({.name = kProjectLayer,
                      .inside = facts.project.root,
                      .lower = facts.project.root,
                      .lower_id = facts.project.id,
                      .masks = MasksIn(facts.project.root, masked)});
    int serial = 0;
    for (const std::string& dir : git.cow_dirs) {
      layers.push_back({.name = fmt::format("git-{}", ++serial),
                        .inside = dir,
                        .lower = dir,
                        .lower_id = std::nullopt,
                        .masks = MasksIn(dir, masked)});
    }
  }
  int serial = 0;
  for (const auto& [dir, unused] : policy.copy_on_write) {
    layers.push_back({.name = fmt::format("cow-{}", ++serial),
                      .inside = dir,
                      .lower = dir,
                      .lower_id = IdOf(dir, facts),
                      .masks = {}});
  }
  return layers;
}

std::vector<Mount> MakeMounts(const policy::Policy& policy, const host::HostFacts& facts,
                              const std::vector<Layer>& layers,
                              std::span<const host::MaskedFile> masked, std::span<const Kept> kept,
                              std::span<const std::string> credentials) {
  std::vector<Mount> mounts;
  for (const host::SystemPath& entry : facts.system) {
    if (entry.link_target) continue;
    mounts.push_back(ReadOnlyBind(entry.path, true));
    // What administrators install there by hand may keep its sockets there, too.
    mounts.back().without_sockets =
        entry.path == "/opt" && HasNothingMountedBelow(entry.path, facts);
  }
  for (const host::SystemPath& entry : facts.etc) {
    if (!entry.link_target && !entry.content) {
      mounts.push_back(ReadOnlyBind(entry.path, entry.directory));
    }
  }
  mounts.push_back({.kind = Kind::kProc, .inside = "/proc"});
  for (const char* node :
       {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}) {
    mounts.push_back(Device(node));
  }
  mounts.push_back({.kind = Kind::kDevpts, .inside = "/dev/pts"});
  for (const char* path : {"/dev/shm", "/tmp", "/var/tmp"}) mounts.push_back(Tmpfs(path, 01777));
  mounts.push_back(Tmpfs("/run", 0755));
  // A mount of its own: else whoever may write /run could put another directory in its place.
  mounts.push_back(Tmpfs(kOwnInside, 0755));
  mounts.push_back(
      {.kind = Kind::kDenials, .inside = kDenialsInside, .directory = false, .read_only = true});
  mounts.push_back({.kind = Kind::kHome, .inside = facts.person.home});
  for (std::size_t i = 0; i < kept.size(); ++i) {
    mounts.push_back(
        {.kind = Kind::kKept, .inside = facts.person.home + "/" + kept[i].place, .layer = i});
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    mounts.push_back({.kind = Kind::kLayer, .inside = layers[i].inside, .layer = i});
  }
  if (policy.project == policy::ProjectMode::kReadOnly) {
    mounts.push_back(ReadOnlyView(facts.project.root, true, facts));
    mounts.back().masks = MasksIn(facts.project.root, masked);
  }
  if (policy.project == policy::ProjectMode::kReadWrite) {
    mounts.push_back(DirectView(facts.project));
    mounts.back().masks = MasksIn(facts.project.root, masked);  // which it cannot have
  }
  for (const auto& [path, unused] : policy.read_only) {
    const bool is_file = std::ranges::find(facts.plain_files, path) != facts.plain_files.end();
    mounts.push_back(ReadOnlyView(path, !is_file, facts));
  }
  // Nothing to read, on top of what the host has there.
  for (const std::string& path : credentials) {
    mounts.push_back(Device("/dev/null"));
    mounts.back().inside = path;
  }
  // Of two at one place the later one is on top: what is read-only wins.
  std::ranges::sort(mounts, {}, [](const Mount& mount) {
    return std::tuple(Depth(mount.inside), mount.inside, mount.read_only,
                      mount.kind == Kind::kLayer);
  });
  MarkWhatIsSealedWithTheRoot(mounts);
  return mounts;
}

std::vector<LandlockRule> MakeLandlockRules(const std::vector<Mount>& mounts) {
  using sys::LandlockAccess;
  constexpr LandlockAccess kReadAndRun =
      LandlockAccess::kList | LandlockAccess::kRead | LandlockAccess::kExecute;
  constexpr LandlockAccess kAll = kReadAndRun | LandlockAccess::kWrite | LandlockAccess::kChange;
  // Listing alone is granted everywhere: the root itself is made of nothing but what is named.
  std::vector<LandlockRule> rules = {{.inside = "/", .access = LandlockAccess::kList},
                                     {.inside = "/etc", .access = kReadAndRun}};
  for (const Mount& mount : mounts) {
    LandlockAccess access = kReadAndRun;
    switch (mount.kind) {
      case Kind::kTmpfs:
      case Kind::kHome:
      case Kind::kKept:
      case Kind::kLayer:
        access = kAll;
        break;
      case Kind::kProc:
        access = LandlockAccess::kList | LandlockAccess::kRead;
        break;
      case Kind::kDenials:
        access = LandlockAccess::kRead;
        break;
      case Kind::kDevpts:
        access = LandlockAccess::kList | LandlockAccess::kRead | LandlockAccess::kWrite |
                 LandlockAccess::kDevice;
        break;
      case Kind::kBind:
        if (mount.device) {
          access = LandlockAccess::kRead | LandlockAccess::kWrite | LandlockAccess::kDevice;
        } else if (WritesToHost(mount)) {
          access = kAll;
        }
        break;
    }
    if (mount.kind == Kind::kBind && mount.inside.starts_with("/etc/")) continue;
    rules.push_back({.inside = mount.inside, .access = access});
  }
  return rules;
}

}  // namespace ambit::plan
