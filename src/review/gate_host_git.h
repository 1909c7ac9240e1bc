#pragma once
// What the gate holds because the host's git obeys it, by the configuration the host has now
// (host/git_obeyed.h): a hooks directory of the project, an included file, a program it names.
// Names are compared folded, as in gate.h. Whoever puts something else than a directory on the way
// to such a place changes the place.
// Who calls: apply, branch and diff. Errors: those of ReadObeyedPlaces; then nothing may come
// across, because nobody knows what git would run.
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "host/git_obeyed.h"
#include "review/gate.h"

namespace ambit::review {

class HostGit {
 public:
  HostGit() = default;
  explicit HostGit(std::span<const host::ObeyedPlace> places);

  /// `paths` are those that will be judged: a repository nested on the way to one counts.
  template <std::ranges::input_range Paths>
  static Result<HostGit> Read(const std::string& project, Paths&& paths) {
    std::set<std::string> directories;
    for (const std::string& path : paths) AddDirectoriesOf(path, directories);
    return ReadFor(project, directories);
  }

  /// kHeld or kOpen.
  GateDecision GateOf(std::string_view path, bool is_directory) const;

  bool HoldsAllOf(std::string_view directory) const;

 private:
  struct Place {
    std::vector<std::string> names;  // folded
    host::ObeyedPlace::Reach reach;
    std::string_view why;
  };

  static void AddDirectoriesOf(std::string_view path, std::set<std::string>& directories);
  static Result<HostGit> ReadFor(const std::string& project,
                                 const std::set<std::string>& directories);
  static bool Holds(const Place& place, std::span<const std::string> names, bool is_directory);

  std::vector<Place> places_;
};

}  // namespace ambit::review
