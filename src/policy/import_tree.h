#pragma once
// The settings of another program as one kind of tree, whether they were JSON or TOML. The text is
// hostile: bounded in bytes, depth and entries.
// Who calls: import.cc and the formats. Pure.
// Errors: kInvalidArgument "NAME:LINE:COLUMN: why", kLimit where a bound is passed.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::policy {

inline constexpr std::size_t kMaxImportBytes = 1U << 20;
inline constexpr std::size_t kMaxImportDepth = 64;
inline constexpr std::size_t kMaxImportEntries = 20'000;

struct Tree {
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kText, kList, kTable };
  Kind kind = Kind::kNull;
  bool truth = false;              // kBool
  std::string text;                // kText; kNumber: as digits
  std::vector<Tree> items;         // kList, kTable
  std::vector<std::string> names;  // kTable: of `items`, none twice

  bool Is(Kind wanted) const { return kind == wanted; }
  /// nullptr when it is no table or has no such name.
  const Tree* Find(std::string_view name) const;
};

/// JSON with what the JSON files of tools have besides: comments and a comma after the last entry.
/// Of a name that stands twice in one object the last one counts.
Result<Tree> ReadJsonTree(std::string_view bytes, const std::string& name);

Result<Tree> ReadTomlTree(std::string_view bytes, const std::string& name);

}  // namespace ambit::policy
