#pragma once
// Which lines of two texts belong together: Myers' O(ND) difference in linear space.
// Source: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1986, 4b.
// Who calls: unified.cc and summary.cc. Pure. Time is bounded by a step budget; when it runs out
// what is left counts as replaced as a whole: longer than needed, never wrong.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace ambit::review {

/// Lines with their '\n'; the last one may lack it. An empty text has no lines.
std::vector<std::string_view> SplitLines(std::string_view text);

struct LineDiff {
  std::vector<bool> removed;  // one per old line
  std::vector<bool> added;    // one per new line
};

inline constexpr std::uint64_t kDiffStepBudget = 30'000'000;  // about a tenth of a second

/// What is neither removed nor added is, in order, the same on both sides.
LineDiff DiffLines(std::span<const std::string_view> old_lines,
                   std::span<const std::string_view> new_lines,
                   std::uint64_t step_budget = kDiffStepBudget);

}  // namespace ambit::review
