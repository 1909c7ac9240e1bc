#pragma once
// A policy as lines for people and as JSON for programs. Who calls: policy.cc, trust.cc. Pure.
#include <string>
#include <vector>

#include "policy/merge.h"

namespace ambit::cli {

/// One entry as a line: key, value, and where it comes from.
struct PolicyLine {
  std::string key;
  std::string value;    // safe to print; `NAME=VALUE` of a variable, a path and its size of a file
  std::string content;  // of a file, as it is
  policy::Origin origin;
  bool built_in = false;  // nobody said anything

  bool operator==(const PolicyLine& other) const {
    return key == other.key && value == other.value && content == other.content;
  }
};

/// In the option table's order. `with_defaults`: what holds by itself has a line, too; a choice
/// always has one.
std::vector<PolicyLine> LinesOf(const policy::Merged& merged, bool with_defaults);

/// Aligned columns.
std::string ForPeople(const std::vector<PolicyLine>& lines);

inline constexpr std::size_t kMaxShownOfFile = 16U << 10;

/// "+ fs.ro /x" and "- fs.project cow" for what `after` has and `before` has not, and the reverse;
/// empty when they are equal. Below a file that comes in stands its content, safe to print, of a
/// long one the beginning and how much is left out.
std::string Difference(const std::vector<PolicyLine>& before, const std::vector<PolicyLine>& after);

}  // namespace ambit::cli
