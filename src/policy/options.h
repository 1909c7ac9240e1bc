#pragma once
// The option table: every key of a policy, once. The reader, the merge, the flags of `run`, the
// JSON schema, completion, man pages and the reference in docs/ are made from it.
// Who calls: the rest of this room and cli. No errors: a constant.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "policy/limits.h"

namespace ambit::policy {

/// What a value looks like.
enum class Shape : std::uint8_t {
  kChoice,     // one of `choices`
  kYesNo,      // true or false; `choices` are "no" and "yes"
  kPaths,      // list: absolute, "~/...", or relative to the project (or to the file of --policy)
  kPatterns,   // list: secret_pattern.h
  kNames,      // list: names of environment variables
  kVariables,  // table: name = "value"
  kFiles,      // table: "path" = "content"
  kPorts,      // list: 1 to 65535
  kTargets,    // list: names, addresses and ports, net_rules.h
  kPrivate,    // list: names, private_names.h
  kPublished,  // list: ports, published_port.h
  kPresets,    // list: names of presets
  kDuration,   // "90s"; this and the next three as limits.h reads them, or "none"
  kBytes,      // "4GiB", or a number
  kCount,      // a number
  kDecimal,    // a number, also with a fraction
  kLimits,     // list: names of limits
};

/// What an entry does to what a run may do.
enum class Direction : std::uint8_t {
  kWidens,    // every entry gives the run more
  kTightens,  // every entry takes something away
  kByChoice,  // `choices` stand in order, the tightest first
  kByValue,   // a limit: the lower, the tighter
};

inline constexpr std::string_view kNothing = "nothing";  // by default

struct Option {
  std::string_view key;   // "fs.ro"
  std::string_view flag;  // "--ro"; empty: only in files
  Shape shape = Shape::kChoice;
  Direction direction = Direction::kWidens;
  std::string_view value_name;  // "PATH", as help shows it
  std::span<const std::string_view> choices;
  std::string_view by_default;  // for people
  std::string_view doc;         // one sentence without its period
};

/// In the order they are told.
std::span<const Option> Options();

/// nullptr when there is none of that name.
const Option* FindOption(std::string_view key);

/// The limit whose value it is; nothing: it is of another shape.
std::optional<Limit> LimitOf(const Option& option);

/// One value, of which the strongest claim wins; the others are lists and tables, which are joined.
bool IsSingle(const Option& option);

/// Which choice it is; kChoice and kYesNo only. -1: none of them.
int ChoiceOf(const Option& option, std::string_view text);

/// Keys of a `[[test]]` table, each a list of strings.
struct TestKey {
  std::string_view key;
  std::string_view doc;
};
std::span<const TestKey> TestKeys();

/// The name in `names` that a person may have meant by `text`; empty when none is near.
std::string_view Nearest(std::string_view text, std::span<const std::string_view> names);

}  // namespace ambit::policy
