#pragma once
// Files of `KEY=value` lines, as dotenv libraries and shells read them: an `export` before the key,
// values in single, double or back quotes over several lines, comments. What is not certainly such
// a file is none: whoever shows only its keys must not take a line of a private key for one.
// Who calls: secret_files (placeholders at a run's start), review (merging by key). Pure.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ambit::host {

/// What stands for every value of a masked file.
inline constexpr std::string_view kPlaceholder = "ambit-placeholder";

struct DotenvEntry {
  std::string_view text;   // the whole lines, with the line end when there is one
  std::string_view key;    // empty: a comment or a blank line
  std::string_view value;  // as written, quotes included
  bool exported = false;
};

/// The entries in their order; together their texts are `text`. nullopt when it is no such file.
std::optional<std::vector<DotenvEntry>> ParseDotenv(std::string_view text);

/// The same keys, each with the placeholder, and nothing else of `text`. nullopt when it is no such
/// file or has no key: there is nothing to show then.
std::optional<std::string> WithPlaceholders(std::string_view text);

struct Joined {
  std::string text;
  bool only_adds = false;   // no value of `real` was replaced, no key of it is gone
  std::size_t removed = 0;  // keys of `real` that are gone
};

/// What `real` becomes when `changed` is brought home, which a run made of `shown`, the masked form
/// it saw: values that are still placeholders keep the real text, others replace it, keys that the
/// run was shown and took out go, new ones come last. What `shown` does not have stays, and so do
/// comments of `real`; those of `changed` do not come. nullopt when one of the three is no such
/// file.
/// nullopt also when `changed` has a placeholder under a key that `real` does not have: a key was
/// renamed, and its value would be lost.
std::optional<Joined> MergeByKey(std::string_view real, std::string_view shown,
                                 std::string_view changed);

}  // namespace ambit::host
