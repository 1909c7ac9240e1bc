#include "review/line_diff.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace ambit::review {
namespace {

using Index = std::int64_t;

/// A run of equal lines in the middle of a shortest edit script.
struct Snake {
  Index old_begin, new_begin, old_end, new_end;
};

/// A rectangle of the edit graph: old lines [old_begin, old_end) against new ones.
struct Box {
  Index old_begin, old_end, new_begin, new_end;
};

class Differ {
 public:
  Differ(std::vector<std::uint32_t> old_ids, std::vector<std::uint32_t> new_ids,
         std::uint64_t budget)
      : old_(std::move(old_ids)), new_(std::move(new_ids)), budget_(budget) {
    result_.removed.assign(old_.size(), false);
    result_.added.assign(new_.size(), false);
    forward_.resize(old_.size() + new_.size() + 3);
    backward_.resize(forward_.size());
  }

  LineDiff Run() {
    std::vector<Box> boxes = {{0, std::ssize(old_), 0, std::ssize(new_)}};
    while (!boxes.empty()) {
      const Box box = Trim(boxes.back());
      boxes.pop_back();
      const std::optional<Snake> middle = NeedsSearch(box) ? MiddleSnake(box) : std::nullopt;
      if (!middle) {
        Replace(box);
        continue;
      }
      boxes.push_back({box.old_begin, middle->old_begin, box.new_begin, middle->new_begin});
      boxes.push_back({middle->old_end, box.old_end, middle->new_end, box.new_end});
    }
    return std::move(result_);
  }

 private:
  static bool NeedsSearch(const Box& box) {
    return box.old_begin < box.old_end && box.new_begin < box.new_end;
  }

  bool Same(Index old_line, Index new_line) const {
    return old_[static_cast<std::size_t>(old_line)] == new_[static_cast<std::size_t>(new_line)];
  }

  Box Trim(Box box) const {
    while (NeedsSearch(box) && Same(box.old_begin, box.new_begin)) ++box.old_begin, ++box.new_begin;
    while (NeedsSearch(box) && Same(box.old_end - 1, box.new_end - 1)) --box.old_end, --box.new_end;
    return box;
  }

  void Replace(const Box& box) {
    std::fill(result_.removed.begin() + box.old_begin, result_.removed.begin() + box.old_end, true);
    std::fill(result_.added.begin() + box.new_begin, result_.added.begin() + box.new_end, true);
  }

  /// Searches from both corners until the furthest paths overlap. nullopt: the budget is spent.
  /// Diagonal k holds the points with old - new = k, counted from the box's corner; forward_[k]
  /// and backward_[k] are the furthest `old` reached on it from the near and the far corner.
  /// After d edits a path cannot have used more lines than there are: that bounds k.
  std::optional<Snake> MiddleSnake(const Box& box) {
    const Index n = box.old_end - box.old_begin;
    const Index m = box.new_end - box.new_begin;
    const Index delta = n - m;
    const bool odd = (delta & 1) != 0;
    const auto at = [m](Index k) { return static_cast<std::size_t>(m + 1 + k); };
    forward_[at(1)] = 0;
    backward_[at(delta - 1)] = n;
    Index back_low = 1;  // the backward diagonals of the round before: none yet
    Index back_high = 0;
    for (Index d = 0; d <= (n + m + 1) / 2; ++d) {
      const Index low = std::max(-d, d - 2 * m);
      const Index high = std::min(d, 2 * n - d);
      for (Index k = low; k <= high; k += 2) {
        const bool down = k == -d || (k != d && forward_[at(k - 1)] < forward_[at(k + 1)]);
        const Index begin = down ? forward_[at(k + 1)] : forward_[at(k - 1)] + 1;
        Index x = begin;
        while (x < n && x - k < m && Same(box.old_begin + x, box.new_begin + x - k)) ++x;
        forward_[at(k)] = x;
        if (!Spend(x - begin)) return std::nullopt;
        if (odd && k >= back_low && k <= back_high && backward_[at(k)] <= x) {
          return SnakeOf(box, k, begin, x);
        }
      }
      back_low = std::max(delta - d, delta + d - 2 * n);
      back_high = std::min(delta + d, delta + 2 * m - d);
      for (Index k = back_low; k <= back_high; k += 2) {
        const bool up =
            k == delta + d || (k != delta - d && backward_[at(k - 1)] < backward_[at(k + 1)]);
        const Index end = up ? backward_[at(k - 1)] : backward_[at(k + 1)] - 1;
        Index x = end;
        while (x > 0 && x - k > 0 && Same(box.old_begin + x - 1, box.new_begin + x - k - 1)) --x;
        backward_[at(k)] = x;
        if (!Spend(end - x)) return std::nullopt;
        if (!odd && k >= low && k <= high && x <= forward_[at(k)]) return SnakeOf(box, k, x, end);
      }
    }
    return std::nullopt;
  }

  /// A path may leave the box where it can no longer be shortest; an overlap out there, or one
  /// that splits nothing off, is no place to divide at.
  static std::optional<Snake> SnakeOf(const Box& box, Index k, Index begin, Index end) {
    const Index n = box.old_end - box.old_begin;
    const Index m = box.new_end - box.new_begin;
    const bool inside = begin >= 0 && begin - k >= 0 && end <= n && end - k <= m;
    const bool splits = begin + (begin - k) > 0 && (n - end) + (m - (end - k)) > 0;
    if (!inside || !splits) return std::nullopt;
    return Snake{box.old_begin + begin, box.new_begin + begin - k, box.old_begin + end,
                 box.new_begin + end - k};
  }

  bool Spend(Index equal_lines) {
    const std::uint64_t steps = static_cast<std::uint64_t>(equal_lines) + 1;
    if (budget_ < steps) {
      budget_ = 0;
      return false;
    }
    budget_ -= steps;
    return true;
  }

  std::vector<std::uint32_t> old_;
  std::vector<std::uint32_t> new_;
  std::uint64_t budget_;
  std::vector<Index> forward_;
  std::vector<Index> backward_;
  LineDiff result_;
};

}  // namespace

std::vector<std::string_view> SplitLines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t length = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

LineDiff DiffLines(std::span<const std::string_view> old_lines,
                   std::span<const std::string_view> new_lines, std::uint64_t step_budget) {
  std::unordered_map<std::string_view, std::uint32_t> ids;
  const auto number = [&](std::span<const std::string_view> lines) {
    std::vector<std::uint32_t> out;
    out.reserve(lines.size());
    for (const std::string_view line : lines) {
      out.push_back(ids.try_emplace(line, static_cast<std::uint32_t>(ids.size())).first->second);
    }
    return out;
  };
  std::vector<std::uint32_t> old_ids = number(old_lines);
  std::vector<std::uint32_t> new_ids = number(new_lines);
  return Differ(std::move(old_ids), std::move(new_ids), step_budget).Run();
}

}  // namespace ambit::review
