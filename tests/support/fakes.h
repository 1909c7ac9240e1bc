#pragma once
// Programs and servers that tests run, as they lie in tests/fakes.
#include <initializer_list>
#include <string>

#include "support/run_ambit.h"

namespace ambit::testing {

/// The text of tests/fakes/NAME.
std::string Fake(const std::string& name);

/// Writes tests/fakes/FOLDER/NAME to `place` (relative to root()), for each name.
void CopyFakes(Scratch& person, const std::string& folder, const std::string& place,
               std::initializer_list<const char*> names);

}  // namespace ambit::testing
