#pragma once
// Paths by their text alone: absolute ones, or relative ones of one directory, without `.`, `..`
// and doubled slashes. Nothing is looked up.
#include <string_view>

namespace ambit {

/// Whether `path` is `top` or below it. Every absolute path is below "/", every relative one below
/// the empty one.
constexpr bool IsAtOrBelow(std::string_view path, std::string_view top) {
  if (!path.starts_with(top)) return false;
  return top.empty() || top.ends_with('/') || path.size() == top.size() || path[top.size()] == '/';
}

constexpr bool IsBelow(std::string_view path, std::string_view top) {
  return path.size() > top.size() && IsAtOrBelow(path, top);
}

}  // namespace ambit
