// Where a symbolic link leads by its text alone: gate.h.
#include <algorithm>
#include <string>
#include <vector>

#include "review/gate.h"

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

std::string_view WhyLinkIsUnsafe(std::string_view path, std::string_view target) {
  if (target.empty()) return "a symbolic link without a target";
  if (target.front() == '/') return "a symbolic link with an absolute target";
  std::vector<std::string_view> resolved = Components(path);
  if (!resolved.empty()) resolved.pop_back();
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

}  // namespace ambit::review
