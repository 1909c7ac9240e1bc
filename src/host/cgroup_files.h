#pragma once
// What /proc/self/mountinfo and /proc/self/cgroup say about control groups. Pure. The names in both
// are chosen by whoever made the cgroup or the mount: any byte may be in them.
// Who calls: cgroup_facts.cc, supervise (where a systemd scope is). Source: proc(5), cgroups(7).
#include <string>
#include <string_view>
#include <vector>

namespace ambit::host {

struct CgroupMount {
  bool unified = false;                  // v2
  std::vector<std::string> controllers;  // v1: of this hierarchy, "name=systemd" among them
  std::string root;                      // the cgroup that is seen at `at`
  std::string at;
  bool operator==(const CgroupMount&) const = default;
};

/// In the order of the file; a line that is not about cgroups or not whole is left out.
std::vector<CgroupMount> ParseCgroupMounts(std::string_view mountinfo);

struct OwnCgroup {
  std::vector<std::string> controllers;  // empty: v2
  std::string path;                      // absolute, in its hierarchy
  bool operator==(const OwnCgroup&) const = default;
};

std::vector<OwnCgroup> ParseOwnCgroups(std::string_view text);

/// Where the cgroup `path` is seen below `mount.at`. Empty when it lies outside of what is mounted,
/// as the path of a process whose cgroup namespace does not hold it does ("/../other").
std::string DirectoryOf(const CgroupMount& mount, std::string_view path);

}  // namespace ambit::host
