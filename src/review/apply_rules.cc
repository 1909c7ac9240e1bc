// Pure rules of apply_plan.h: names and their order.
#include <algorithm>

#include "review/apply_plan.h"

namespace ambit::review {
bool PathOrder::operator()(std::string_view left, std::string_view right) const {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::ranges::lexicographical_compare(left, right, {}, rank, rank);
}

bool IsAtOrBelow(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || directory.empty() || path[directory.size()] == '/');
}

bool ApplyPlan::Complete() const {
  return std::ranges::all_of(
      paths, [](const PlannedPath& planned) { return planned.verdict == Verdict::kApply; });
}

}  // namespace ambit::review
