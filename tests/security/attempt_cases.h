#pragma once
// What must not work inside, and which walls keep it from working.
#include <string>
#include <string_view>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {

/// The answer of the same attempt outside.
enum class Control {
  kWorks,      // the person could do it: a refusal inside is the wall's doing
  kForbidden,  // the person may not do it outside either
  kAny,        // depends on how the kernel was built; where it works outside, the wall is shown
};

struct AttemptCase {
  std::string inside;   // the probe's line
  std::string outside;  // empty: the same
  Control root = Control::kWorks;
  Control user = Control::kWorks;
  /// The answer when the walls stand; empty: anything but "done".
  std::string answer;
  /// Sets of walls, such as "landlock" or "mounts+landlock", without which the attempt works.
  /// Empty: it is refused even with all three off, by the namespaces, the ids and the missing
  /// capabilities.
  std::vector<std::string> root_opens;
  std::vector<std::string> user_opens;
};

const std::vector<AttemptCase>& AttemptCases();

/// Whether the attempt works when the walls in `off` (comma-separated) are left out.
bool OpensWithout(const AttemptCase& attempt, Who who, std::string_view off);

}  // namespace ambit::testing
