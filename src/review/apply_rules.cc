// Pure rules of apply_plan.h.
#include <algorithm>

#include "review/apply_plan.h"

namespace ambit::review {

bool IsAtOrBelow(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || directory.empty() || path[directory.size()] == '/');
}

bool ApplyPlan::Complete() const {
  return std::ranges::all_of(
      paths, [](const PlannedPath& planned) { return planned.verdict == Verdict::kApply; });
}

}  // namespace ambit::review
