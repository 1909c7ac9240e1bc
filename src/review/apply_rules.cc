// Pure rules of apply_plan.h: names, links, order.
#include <algorithm>

#include "review/apply_plan.h"

namespace ambit::review {
namespace {

std::vector<std::string_view> Components(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) out.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return out;
}

}  // namespace

bool PathOrder::operator()(std::string_view left, std::string_view right) const {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::ranges::lexicographical_compare(left, right, {}, rank, rank);
}

bool IsAtOrBelow(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) &&
         (path.size() == directory.size() || directory.empty() || path[directory.size()] == '/');
}

std::string WhyLinkIsRefused(std::string_view path, std::string_view target) {
  if (target.empty()) return "a symbolic link without a target";
  if (target.front() == '/') return "a symbolic link with an absolute target";
  std::vector<std::string_view> resolved = Components(ParentOf(path));
  bool named = false;
  for (const std::string_view part : Components(target)) {
    if (part == ".") continue;
    if (part != "..") {
      named = true;
      resolved.push_back(part);
      continue;
    }
    // After a name, which may itself be a link, nobody can say what ".." is.
    if (named) return "a symbolic link whose target goes up again";
    if (resolved.empty()) return "a symbolic link that leaves the project";
    resolved.pop_back();
  }
  std::string where;
  for (const std::string_view part : resolved) {
    if (!where.empty()) where += '/';
    where += part;
  }
  if (GateOf(where).verdict == GateVerdict::kNever) return "a symbolic link into git's directory";
  return {};
}

bool ApplyPlan::Complete() const {
  return std::ranges::all_of(
      paths, [](const PlannedPath& planned) { return planned.verdict == Verdict::kApply; });
}

}  // namespace ambit::review
