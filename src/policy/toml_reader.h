#pragma once
// One policy file: TOML 1.0 text to a Document, with line and column of everything in it. A
// project's file is hostile text: never fails but by value, bounded in size.
// A key that is not in the option table is a mistake, as is a value of another type or one that
// cannot be right whatever the host is like; all of them are told, not only the first (but of what
// is no TOML at all only the first, and the rest of very many as a number). Linear in the text.
// Who calls: load.cc, cli. Pure.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "policy/document.h"

namespace ambit::policy {

inline constexpr std::size_t kMaxPolicyBytes = 1U << 20;
inline constexpr std::size_t kMaxEntries = 1'000;     // of one list or table, and of all tests
inline constexpr std::size_t kMaxEntryBytes = 4'096;  // but for values of tables
inline constexpr std::size_t kMaxMistakes = 100;      // told one by one

struct ReadPolicy {
  Document document;  // without what was mistaken
  std::vector<Mistake> mistakes;
};

/// `name` is what its mistakes are told with.
ReadPolicy ReadToml(std::string_view bytes, SourceKind source, const std::string& name);

}  // namespace ambit::policy
