#include "review/gate_host_git.h"

#include <algorithm>

#include "review/gate_names.h"

namespace ambit::review {
namespace {

using Reach = host::ObeyedPlace::Reach;

bool StartsWith(std::span<const std::string> names, std::span<const std::string> first) {
  return names.size() >= first.size() && std::ranges::equal(names.first(first.size()), first);
}

}  // namespace

HostGit::HostGit(std::span<const host::ObeyedPlace> places) {
  for (const host::ObeyedPlace& place : places) {
    places_.push_back(
        {.names = FoldPath(place.path).components, .reach = place.reach, .why = place.why});
  }
}

void HostGit::AddDirectoriesOf(std::string_view path, std::set<std::string>& directories) {
  for (std::size_t at = path.size(); at != std::string_view::npos && at != 0;
       at = path.rfind('/', at - 1)) {
    if (!directories.emplace(path.substr(0, at)).second) return;
  }
}

Result<HostGit> HostGit::ReadFor(const std::string& project,
                                 const std::set<std::string>& directories) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  const std::vector<std::string> list(directories.begin(), directories.end());
  AMBIT_TRY(const auto places, host::ReadObeyedPlaces(project, list, person));
  return HostGit(places);
}

bool HostGit::Holds(const Place& place, std::span<const std::string> names, bool is_directory) {
  if (place.reach == Reach::kHookNames) {
    return names.size() == place.names.size() + 1 && StartsWith(names, place.names) &&
           !is_directory && host::IsGitHookName(names.back());
  }
  if (names.size() > place.names.size()) {
    return place.reach == Reach::kAllBelow && StartsWith(names, place.names);
  }
  const bool at_it = names.size() == place.names.size();
  if (!StartsWith(place.names, names)) return false;
  return !is_directory || (at_it && place.reach == Reach::kAllBelow);
}

GateDecision HostGit::GateOf(std::string_view path, bool is_directory) const {
  if (places_.empty()) return {};
  const std::vector<std::string> names = FoldPath(path).components;
  if (names.empty()) return {};
  const auto found = std::ranges::find_if(
      places_, [&](const Place& place) { return Holds(place, names, is_directory); });
  if (found == places_.end()) return {};
  return {.verdict = GateVerdict::kHeld, .reason = found->why};
}

bool HostGit::HoldsAllOf(std::string_view directory) const {
  const std::vector<std::string> names = FoldPath(directory).components;
  return !names.empty() && std::ranges::any_of(places_, [&](const Place& place) {
    return place.reach == Reach::kAllBelow && StartsWith(names, place.names);
  });
}

}  // namespace ambit::review
