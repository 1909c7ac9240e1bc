#pragma once
// HostFacts: what a plan needs to know about this machine, this user and this project, read once
// and without side effects. Nothing here walks a tree; the cost is a few dozen stat calls.
#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/file.h"

namespace ambit::host {

/// A host path that is offered inside, or a symlink that is made again there.
struct SystemPath {
  std::string path;
  std::optional<std::string> link_target;  // set: a symlink
  bool directory = true;
  std::optional<std::string> content;  // set: a small file, copied instead of mounted
};

struct Person {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  std::string home;  // absolute, real path: $HOME, what the agent's home is called too
  /// Where ambit may keep what only this person can change: `home` when it is theirs, else the home
  /// /etc/passwd names. With sudo $HOME often still is somebody else's.
  std::string own_home;
  /// What /etc/passwd names, its real path where it exists: no variable moves it. May be empty.
  std::string passwd_home;
  std::string shell;  // exists inside
};

struct Project {
  std::string root;  // absolute, real path
  std::string cwd;   // absolute, real path, at or below root
  /// Roots of the projects that this one is a part of, the nearest first. They are not shown, but
  /// what they hide is hidden in their parts: a marker in a part does not bring it to light.
  std::vector<std::string> around;
  uid_t owner = 0;
  gid_t group = 0;
  std::optional<sys::FileId> id;
};

struct HostFacts {
  Person person;
  std::vector<SystemPath> system;  // /usr and its kin
  std::vector<SystemPath> etc;     // the allowed part of /etc that exists
  Project project;
  std::string state_root;  // ambit's own state directory, links resolved as far as it exists
  std::map<std::string, std::string> environment;  // the launcher's, for names policy may pass
  std::vector<std::string> mount_points;           // every path something is mounted at
  /// Symlinks on the way to a path as the user spelled it: the same spelling must work inside.
  std::vector<SystemPath> aliases;
  std::map<std::string, sys::FileId> path_ids;  // of policy's paths, as they were looked at
  std::vector<std::string> plain_files;         // those of policy's paths that are no directories
};

/// Finds the project of `start` (already made absolute): the nearest ancestor that holds `.git`
/// or `ambit.toml`, else `start`; `explicit_root` takes `start` itself. Refused with the way out:
/// `/`, the home directory and its ancestors, system directories, and a root that contains
/// `state_root`.
Result<Project> FindProject(const std::string& start, bool explicit_root, const Person& person,
                            const std::string& state_root);

/// The person that started ambit: ids of the process, name and shell from /etc/passwd (read as a
/// file: a static binary has no NSS), home from $HOME.
Result<Person> ReadPerson();
/// The same where the environment is gone; `home`: what $HOME was.
Result<Person> ReadPerson(std::string_view home);

std::vector<SystemPath> ReadSystemPaths();
std::vector<SystemPath> ReadEtcPaths();

/// Where something is mounted in this process's mount namespace, from /proc/self/mountinfo.
Result<std::vector<std::string>> ReadMountPoints();
std::vector<std::string> ParseMountPoints(std::string_view mountinfo);

/// The symlinks that the kernel follows from `/` to the absolute `path`, each by its real place.
std::vector<SystemPath> LinksOnTheWay(const std::string& path);

/// The launcher's variables that `wanted` names, and no other: what is not copied here cannot be
/// found in the memory of a process of the run.
std::map<std::string, std::string> ReadEnvironment(
    const std::function<bool(std::string_view)>& wanted);

/// The real path of as much of `path` as exists, with the rest as it is.
std::string ResolveWhatExists(const std::string& path);

/// The real path (no symlink, no dot) of an existing host path.
Result<std::string> RealPath(const std::string& path);

}  // namespace ambit::host
