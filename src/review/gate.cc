#include "review/gate.h"

#include <algorithm>
#include <vector>

#include "review/gate_names.h"

namespace ambit::review {
namespace {

constexpr std::string_view kClimbs = "leaves the project";

/// A pattern as the list writes it, taken apart.
struct Pattern {
  std::vector<std::string_view> names;
  bool directory = false;
};

struct Line {
  Pattern pattern;
  GateDecision decision;
};

Pattern Parse(std::string_view text) {
  Pattern pattern;
  if (text.ends_with('/')) {
    pattern.directory = true;
    text.remove_suffix(1);
  }
  while (true) {
    const auto slash = text.find('/');
    pattern.names.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return pattern;
    text.remove_prefix(slash + 1);
  }
}

const std::vector<Line>& Lines() {
  static const std::vector<Line> kLines = [] {
    std::vector<Line> lines;
    for (const GateRule& rule : GateRules()) {
      lines.push_back({.pattern = Parse(rule.pattern),
                       .decision = {.verdict = rule.verdict, .reason = rule.reason}});
    }
    return lines;
  }();
  return kLines;
}

/// `name` is folded already. No pattern has more than two stars, so going back is cheap.
bool Matches(std::string_view glob, std::string_view name) {
  while (!glob.empty() && glob[0] != '*') {
    if (name.empty() || name[0] != AsciiLower(glob[0])) return false;
    glob.remove_prefix(1);
    name.remove_prefix(1);
  }
  if (glob.empty()) return name.empty();
  glob.remove_prefix(1);
  if (glob.empty()) return true;
  for (; !name.empty(); name.remove_prefix(1)) {
    if (Matches(glob, name)) return true;
  }
  return false;
}

bool NameMatches(std::string_view glob, std::string_view name) {
  if (Matches(glob, name)) return true;
  return name.contains('~') && !glob.contains('*') && IsShortNameOf(name, glob);
}

bool NamesMatch(std::span<const std::string_view> globs, std::span<const std::string> names) {
  return std::ranges::equal(globs, names, NameMatches);
}

bool PathMatches(const Pattern& pattern, std::span<const std::string> path, bool is_directory) {
  const std::size_t count = pattern.names.size();
  if (path.size() < count) return false;
  if (!pattern.directory) return !is_directory && NamesMatch(pattern.names, path.last(count));
  for (std::size_t at = 0; at + count <= path.size(); ++at) {
    if (NamesMatch(pattern.names, path.subspan(at, count))) return true;
  }
  return false;
}

/// Whether `path` ends in the first names of `pattern`, but not in all of them.
bool LeadsTo(const Pattern& pattern, std::span<const std::string> path) {
  const std::span<const std::string_view> names = pattern.names;
  for (std::size_t count = 1; count < names.size() && count <= path.size(); ++count) {
    if (NamesMatch(names.first(count), path.last(count))) return true;
  }
  return false;
}

template <class Applies>
GateDecision StrictestOf(const Applies& applies) {
  GateDecision strictest;
  for (const Line& line : Lines()) {
    if (line.decision.verdict > strictest.verdict && applies(line.pattern)) {
      strictest = line.decision;
    }
  }
  return strictest;
}

GateDecision Stricter(GateDecision left, GateDecision right) {
  return right.verdict > left.verdict ? right : left;
}

}  // namespace

GateDecision GateOf(std::string_view path) {
  const FoldedPath folded = FoldPath(path);
  if (folded.climbs) return {.verdict = GateVerdict::kNever, .reason = kClimbs};
  return StrictestOf([&, is_directory = path.ends_with('/')](const Pattern& pattern) {
    return PathMatches(pattern, folded.components, is_directory);
  });
}

GateDecision GateOfLink(std::string_view path, std::string_view target) {
  const GateDecision own = GateOf(path);
  const FoldedPath link = FoldPath(path);
  const GateDecision below =
      StrictestOf([&](const Pattern& pattern) { return LeadsTo(pattern, link.components); });

  std::vector<std::string> pointed_to = link.components;
  if (!pointed_to.empty()) pointed_to.pop_back();
  for (std::string& name : FoldPath(target).components) {
    if (name != "..") {
      pointed_to.push_back(std::move(name));
    } else if (!pointed_to.empty()) {
      pointed_to.pop_back();
    }
  }
  const GateDecision there = StrictestOf([&](const Pattern& pattern) {
    return PathMatches(pattern, pointed_to, /*is_directory=*/false);
  });
  return Stricter(own, Stricter(below, there));
}

bool IsPackageJson(std::string_view path) {
  const FoldedPath folded = FoldPath(path);
  return !folded.components.empty() && NameMatches("package.json", folded.components.back());
}

}  // namespace ambit::review
