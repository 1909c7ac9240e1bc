#pragma once
// Which records a person asked for. Pure. Who calls: cli.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "journal/entry.h"

namespace ambit::journal {

/// All that is set must hold.
struct Wanted {
  std::string type;  // a pattern of the event's name, as of a shell: "file.*"
  /// A pattern of a path; `*` goes over `/`. One that does not begin with `/` fits from the
  /// beginning of any name in the path on.
  std::string path;
  std::optional<std::int64_t> since_ns;  // UNIX time
  bool refused = false;                  // denials, and limits that were reached

  [[nodiscard]] bool IsEverything() const {
    return type.empty() && path.empty() && !since_ns && !refused;
  }
};

bool Matches(const Wanted& wanted, const Entry& entry);

/// "90s", "10m", "2h", "1d" before `now_ns`; or a local time: "14:05", "2026-01-31",
/// "2026-01-31 14:05:09". UNIX nanoseconds. kInvalidArgument with the forms there are.
Result<std::int64_t> ParseSince(std::string_view text, std::int64_t now_ns);

}  // namespace ambit::journal
