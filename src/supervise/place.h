#pragma once
// Where a run is: whose, in which project, and where runs are kept. Looked up once, before anything
// is planned. Who calls: the command line, doctor.
#include <string>
#include <string_view>

#include "base/error.h"
#include "host/facts.h"

namespace ambit::supervise {

struct Place {
  host::Person person;
  std::string runs_root;       // as $XDG_STATE_HOME or the home spells it
  std::string real_runs_root;  // links resolved as far as it exists
  host::Project project;
};

/// `directory`: -C; empty: the project around the working directory. `home` and `state_home` are
/// $HOME and $XDG_STATE_HOME, empty when not set. Errors: kNotFound for -C; those of
/// host::ReadPerson and host::FindProject.
Result<Place> FindPlace(const std::string& directory, std::string_view home,
                        std::string_view state_home);

}  // namespace ambit::supervise
