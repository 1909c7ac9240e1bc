// Pure rules of apply_plan.h.
#include <algorithm>

#include "review/apply_plan.h"

namespace ambit::review {

bool ApplyPlan::Complete() const {
  return std::ranges::all_of(
      paths, [](const PlannedPath& planned) { return planned.verdict == Verdict::kApply; });
}

}  // namespace ambit::review
