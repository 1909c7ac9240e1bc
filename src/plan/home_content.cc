#include "plan/home_content.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/path.h"
#include "base/text.h"

namespace ambit::plan {
namespace {

/// At one place, or one in the other.
bool Touch(std::string_view one, std::string_view other) {
  return one == other || IsBelow(one, other) || IsBelow(other, one);
}

/// A directory name for a path: its last part for people, and all of it as a number. Two paths with
/// one name are told apart by what is written down beside the directory (workspace/kept_state.h).
std::string KeyOf(std::string_view path) {
  constexpr std::size_t kMostForPeople = 40;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, of 64 bits
  for (const char byte : path) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  }
  std::string name(path.substr(path.rfind('/') + 1));
  name.erase(0, std::min(name.find_first_not_of('.'), name.size()));
  name.resize(std::min(name.size(), kMostForPeople));
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '.' && c != '_') c = '-';
  }
  return fmt::format("{}-{:016x}", name, hash);
}

/// What keeps `path` from lying in the run's own home and being seen there: a mount at it, in it or
/// between the two. `self` is the path's own mount, when it has one.
const Mount* Obstacle(const std::vector<Mount>& mounts, std::string_view path, const Mount* self) {
  const Mount* nearest = nullptr;  // parents come before children, of two at one place the upper
  for (const Mount& mount : mounts) {
    if (&mount == self) continue;
    if (mount.inside == path || IsBelow(mount.inside, path)) return &mount;
    if (IsBelow(path, mount.inside)) nearest = &mount;
  }
  return nearest != nullptr && nearest->kind == Mount::Kind::kHome ? nullptr : nearest;
}

std::unexpected<Error> IsTaken(const std::string& from, const std::string& path,
                               const std::string& by, std::string_view what) {
  return Fail(Errc::kInvalidArgument,
              fmt::format("{} '{}': '{}' {}, and neither may lie in the other", from,
                          Printable(path), Printable(by), what),
              path.starts_with("/etc/") ? "name a file that is not there inside"
                                        : "name places of the home that lie beside each other");
}

Status CheckPlaceInHome(const std::string& from, const std::string& path, const LaunchPlan& plan,
                        const Mount* self) {
  if (const Mount* obstacle = Obstacle(plan.mounts, path, self)) {
    return IsTaken(from, path, obstacle->inside,
                   obstacle->kind == Mount::Kind::kKept ? "is kept" : "is shown from the host");
  }
  for (const RootEntry& alias : plan.aliases) {
    if (Touch(alias.path, path)) {
      return IsTaken(from, path, alias.path, "is a link on the way to another path that was named");
    }
  }
  return {};
}

Status CheckPlaceInEtc(const policy::SyntheticFile& file, const LaunchPlan& plan) {
  const auto mount = std::ranges::find_if(
      plan.mounts, [&](const Mount& there) { return Touch(there.inside, file.path); });
  if (mount != plan.mounts.end()) {
    return IsTaken(file.from, file.path, mount->inside, "is shown from the host");
  }
  const auto entry = std::ranges::find_if(plan.root, [&](const RootEntry& there) {
    const bool holds = there.kind == RootEntry::Kind::kDirectory;
    return Touch(there.path, file.path) && !(holds && IsBelow(file.path, there.path));
  });
  if (entry != plan.root.end()) {
    return IsTaken(file.from, file.path, entry->path, "is made for each run");
  }
  return {};
}

Status AddHomeFile(const policy::SyntheticFile& file, LaunchPlan& plan) {
  AMBIT_CHECK(CheckPlaceInHome(file.from, file.path, plan, nullptr));
  for (const RootEntry& other : plan.home_files) {
    if (Touch(other.path, file.path)) {
      return IsTaken(file.from, file.path, other.path, "is a file");
    }
  }
  // For the agent's eyes, as what programs write into a home themselves.
  plan.home_files.push_back(
      {.kind = RootEntry::Kind::kFile, .path = file.path, .content = file.content, .mode = 0600});
  return {};
}

Status AddFile(const policy::SyntheticFile& file, const std::string& home, LaunchPlan& plan) {
  if (IsBelow(file.path, home)) return AddHomeFile(file, plan);
  if (!IsBelow(file.path, "/etc")) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("{} '{}': neither below the home directory '{}' nor below /etc",
                            file.from, Printable(file.path), Printable(home)),
                "write it there, or show a directory of the host with fs.ro");
  }
  AMBIT_CHECK(CheckPlaceInEtc(file, plan));
  plan.root.push_back(
      {.kind = RootEntry::Kind::kFile, .path = file.path, .content = file.content, .mode = 0644});
  return {};
}

}  // namespace

Result<std::vector<Kept>> MakeKept(const policy::Policy& policy, const host::HostFacts& facts) {
  std::vector<Kept> kept;
  const std::string& home = facts.person.home;
  for (const auto& [path, from] : policy.keep) {
    if (!IsBelow(path, home)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{} '{}': not below the home directory '{}'", from, Printable(path),
                              Printable(home)),
                  "keep a directory of the home; the home itself is new in each run");
    }
    if (std::ranges::find(facts.plain_files, path) != facts.plain_files.end()) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{} '{}': it is a file, and only directories can be kept", from,
                              Printable(path)),
                  "keep the directory that the program has its state in");
    }
    // Relative to the home, so that moving the home leaves what was kept where it is.
    const std::string place = path.substr(home.size() + 1);
    if (std::ranges::find(kept, place, &Kept::place) != kept.end()) continue;
    kept.push_back({.name = KeyOf(facts.project.root) + "/" + KeyOf(place),
                    .project = facts.project.root,
                    .place = place});
  }
  return kept;
}

Status AddHomeContent(const policy::Policy& policy, const host::HostFacts& facts,
                      LaunchPlan& plan) {
  for (const auto& [path, from] : policy.keep) {
    const auto self = std::ranges::find_if(plan.mounts, [&](const Mount& mount) {
      return mount.kind == Mount::Kind::kKept && mount.inside == path;
    });
    AMBIT_CHECK(CheckPlaceInHome(from, path, plan, self == plan.mounts.end() ? nullptr : &*self));
  }
  for (const policy::SyntheticFile& file : policy.files) {
    AMBIT_CHECK(AddFile(file, facts.person.home, plan));
  }
  return {};
}

}  // namespace ambit::plan
