#pragma once
// Which places of a project the host's git runs or obeys because its configuration says so: hooks
// directories, included files, programs that a setting names. Found without running git, in the
// files as they are on the host now: those of the person, and of each repository its common
// configuration, the worktree's own and those of its submodules.
// A setting may lead anywhere by symbolic links; each link on the way is such a place as well, also
// those in the repository's own `hooks`. Conditions of includes are taken as true.
// Not found: what a hook or program itself starts; GIT_* variables; paths that only a shell can
// work out (variables, globs).
// Who calls: review. Errors: kInvalidArgument with file and line when a configuration cannot be
// parsed, kLimit above a bound, kIo and kDenied: then nobody knows what git obeys.
// Source: git-config(1), githooks(5), gitrepository-layout(5).
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/facts.h"
#include "host/git_config.h"

namespace ambit::host {

struct ObeyedPlace {
  enum class Reach : std::uint8_t {
    kItself,
    kAllBelow,   // and itself
    kHookNames,  // what is called as a hook directly in it: the project's root is a hooks directory
  };
  std::string path;  // relative to the project, without links but at its end; "": the project
  Reach reach = Reach::kItself;
  std::string_view why;  // static text for people
};

/// `project` is an absolute path; `directories`, relative to it, may be roots of repositories that
/// lie in it. The repository around it counts.
Result<std::vector<ObeyedPlace>> ReadObeyedPlaces(const std::string& project,
                                                  std::span<const std::string> directories,
                                                  const Person& person);

/// What the value of one setting can name; pure. Empty for all that git takes as data.
struct NamedPath {
  std::string path;  // as written
  ObeyedPlace::Reach reach = ObeyedPlace::Reach::kItself;
  std::string_view why;
  friend bool operator==(const NamedPath&, const NamedPath&) = default;
};
std::vector<NamedPath> PathsNamedBy(const GitConfigEntry& entry);

/// A hook of githooks(5).
bool IsGitHookName(std::string_view name);

}  // namespace ambit::host
