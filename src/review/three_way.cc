#include "review/three_way.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "review/line_diff.h"

namespace ambit::review {
namespace {

using Lines = std::vector<std::string_view>;
constexpr std::size_t kNoPlace = SIZE_MAX;

/// The lines [base_begin, base_end) became [begin, end).
struct Hunk {
  std::size_t base_begin = 0;
  std::size_t base_end = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// One side of the merge, taken hunk by hunk.
class Side {
 public:
  Side(const Lines& base, std::string_view text) : lines_(SplitLines(text)) {
    const LineDiff diff = DiffLines(base, lines_);
    std::size_t old_line = 0;
    std::size_t new_line = 0;
    while (old_line < base.size() || new_line < lines_.size()) {
      Hunk hunk{.base_begin = old_line, .begin = new_line};
      while (old_line < base.size() && diff.removed[old_line]) ++old_line;
      while (new_line < lines_.size() && diff.added[new_line]) ++new_line;
      hunk.base_end = old_line;
      hunk.end = new_line;
      if (hunk.base_begin != hunk.base_end || hunk.begin != hunk.end) {
        hunks_.push_back(hunk);
      } else {
        ++old_line;
        ++new_line;
      }
    }
  }

  bool AtEnd() const { return next_ == hunks_.size(); }
  std::size_t NextPlace() const { return AtEnd() ? kNoPlace : hunks_[next_].base_begin; }

  /// Begins a stretch that takes nothing yet.
  void Begin() { first_ = next_; }
  /// Takes the hunks that overlap or touch the base's lines up to `end`, and moves it behind them.
  void TakeUpTo(std::size_t& end) {
    for (; NextPlace() <= end; ++next_) end = std::max(end, hunks_[next_].base_end);
  }
  bool TookSome() const { return next_ != first_; }

  /// What this side made of the base's [begin, end), a stretch of which it took some.
  std::span<const std::string_view> LinesFor(std::size_t begin, std::size_t end) const {
    const Hunk& first = hunks_[first_];
    const Hunk& last = hunks_[next_ - 1];
    const std::size_t from = first.begin - (first.base_begin - begin);
    const std::size_t to = last.end + (end - last.base_end);
    return std::span(lines_).subspan(from, to - from);
  }

 private:
  Lines lines_;
  std::vector<Hunk> hunks_;
  std::size_t first_ = 0;
  std::size_t next_ = 0;
};

void Append(std::span<const std::string_view> lines, std::string& out) {
  for (const std::string_view line : lines) out += line;
}

}  // namespace

std::optional<std::string> MergeLines(std::string_view base, std::string_view ours,
                                      std::string_view theirs) {
  const Lines base_lines = SplitLines(base);
  Side our_side(base_lines, ours);
  Side their_side(base_lines, theirs);
  std::string merged;
  std::size_t done = 0;  // lines of the base
  while (!our_side.AtEnd() || !their_side.AtEnd()) {
    const std::size_t begin = std::min(our_side.NextPlace(), their_side.NextPlace());
    std::size_t end = begin;
    our_side.Begin();
    their_side.Begin();
    for (std::size_t before = kNoPlace; before != end;) {  // what one takes may touch the other's
      before = end;
      our_side.TakeUpTo(end);
      their_side.TakeUpTo(end);
    }
    const bool ours_only = !their_side.TookSome();
    const bool theirs_only = !our_side.TookSome();
    const auto taken = (theirs_only ? their_side : our_side).LinesFor(begin, end);
    const bool both = !ours_only && !theirs_only;
    if (both && !std::ranges::equal(taken, their_side.LinesFor(begin, end))) return std::nullopt;
    Append(std::span(base_lines).subspan(done, begin - done), merged);
    Append(taken, merged);
    done = end;
  }
  Append(std::span(base_lines).subspan(done), merged);
  return merged;
}

}  // namespace ambit::review
