#pragma once
// Every event with its fields, in one table: what `ambit audit schema` prints, what docs/events.md
// is tested against, and what each journal of the functional tests is held to. An event or a field
// that is emitted must be in it. Pure. Who calls: journal's views, cli, tests.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "event/event.h"

namespace ambit::event {

enum class Type : std::uint8_t { kText, kNumber, kYesNo, kTexts };

/// "string", "number", "bool", "list of strings".
std::string_view NameOf(Type type);

// In the order of a row. NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding)
struct FieldSchema {
  std::string_view name;
  Type type = Type::kText;
  std::string_view meaning;  // one sentence without its period
  int since = 1;             // the format version that brought it
};

struct EventSchema {
  std::string_view name;
  std::string_view when;  // one sentence without its period
  std::span<const FieldSchema> fields;
  int since = 1;
};

/// Of every line, whatever its event.
std::span<const FieldSchema> CommonFields();

/// In the order of event.h.
std::span<const EventSchema> Events();

/// nullptr: no event of that name.
const EventSchema* FindEvent(std::string_view name);

/// What of `event` the table does not have, or has with another type; nullopt: it agrees. A field
/// may be absent.
std::optional<std::string> Disagreement(const Event& event);

/// The table as a JSON Schema (draft 2020-12) of one line, with a line break at its end.
std::string JsonSchema();

}  // namespace ambit::event
