#pragma once
// The order of lists of paths. Pure.
#include <algorithm>
#include <string_view>

namespace ambit::workspace {

/// Bytewise but for '/', which sorts first: a directory stands directly before what it holds.
struct PathOrder {
  using is_transparent = void;
  bool operator()(std::string_view left, std::string_view right) const {
    const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
    return std::ranges::lexicographical_compare(left, right, {}, rank, rank);
  }
};

}  // namespace ambit::workspace
