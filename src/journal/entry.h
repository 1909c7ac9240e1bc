#pragma once
// One line of a journal, taken apart, whatever its bytes. Who calls: the views (record_text, match,
// export), cli. Pure.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "event/event.h"

namespace ambit::journal {

struct Entry {
  std::uint64_t sequence = 0;
  std::int64_t time_ns = 0;  // UNIX time
  std::string run;
  std::string event;
  /// The event's own, in the order they were written. What is none of event::Value (a newer ambit
  /// wrote it) is its JSON, as text.
  std::vector<event::Field> fields;

  /// nullptr: there is none of that name.
  [[nodiscard]] const event::Value* Find(std::string_view name) const;
  /// Empty when there is none, or it is no text.
  [[nodiscard]] std::string Text(std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> Number(std::string_view name) const;
};

/// kInvalidArgument for a line that is none of ours.
Result<Entry> ParseEntry(std::string_view line);

}  // namespace ambit::journal
