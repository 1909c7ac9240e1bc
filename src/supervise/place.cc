#include "supervise/place.h"

#include "workspace/run_store.h"

namespace ambit::supervise {
namespace {

Result<std::string> StartDirectory(const std::string& named) {
  if (named.empty()) return host::RealPath(".");
  auto real = host::RealPath(named);
  if (real) return real;
  return Fail(real.error().code, "-C " + real.error().what, "name a directory that exists");
}

}  // namespace

Result<Place> FindPlace(const std::string& directory, std::string_view home,
                        std::string_view state_home) {
  Place place;
  AMBIT_TRY(place.person, host::ReadPerson(home));
  place.runs_root = workspace::RunStore::DefaultRoot(place.person.own_home, state_home);
  place.real_runs_root = host::ResolveWhatExists(place.runs_root);
  AMBIT_TRY(const std::string start, StartDirectory(directory));
  AMBIT_TRY(place.project,
            host::FindProject(start, !directory.empty(), place.person, place.real_runs_root));
  return place;
}

}  // namespace ambit::supervise
