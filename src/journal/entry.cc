#include "journal/entry.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "event/schema.h"

namespace ambit::journal {
namespace {

using Json = nlohmann::ordered_json;

std::string TextOf(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

bool FitsNumber(const Json& json) {
  return json.is_number_integer() &&
         (!json.is_number_unsigned() || json.get<std::uint64_t>() <= INT64_MAX);
}

event::Value ValueOf(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_boolean()) return json.get<bool>();
  if (FitsNumber(json)) return json.get<std::int64_t>();
  if (json.is_array() && std::ranges::all_of(json, [](const Json& one) { return one.is_string(); }))
    return json.get<std::vector<std::string>>();
  return TextOf(json);
}

bool IsCommon(std::string_view name) {
  return std::ranges::find(event::CommonFields(), name, &event::FieldSchema::name) !=
         event::CommonFields().end();
}

}  // namespace

const event::Value* Entry::Find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &event::Field::name);
  return found != fields.end() ? &found->value : nullptr;
}

std::string Entry::Text(std::string_view name) const {
  const event::Value* value = Find(name);
  const auto* text = value != nullptr ? std::get_if<std::string>(value) : nullptr;
  return text != nullptr ? *text : std::string();
}

std::optional<std::int64_t> Entry::Number(std::string_view name) const {
  const event::Value* value = Find(name);
  const auto* number = value != nullptr ? std::get_if<std::int64_t>(value) : nullptr;
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

Result<Entry> ParseEntry(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto is = [&](const char* name, bool (*fits)(const Json&)) {
    return json.contains(name) && fits(json[name]);
  };
  const auto text = [](const Json& value) { return value.is_string(); };
  const auto count = [](const Json& value) { return value.is_number_unsigned(); };
  if (!json.is_object() || !is("seq", count) || !is("t", FitsNumber) || !is("run", text) ||
      !is("event", text)) {
    return Fail(Errc::kInvalidArgument, "a line of the journal is no event");
  }
  Entry entry{.sequence = json["seq"].get<std::uint64_t>(),
              .time_ns = json["t"].get<std::int64_t>(),
              .run = json["run"].get<std::string>(),
              .event = json["event"].get<std::string>(),
              .fields = {}};
  for (const auto& [name, value] : json.items()) {
    if (!IsCommon(name)) entry.fields.push_back({name, ValueOf(value)});
  }
  return entry;
}

}  // namespace ambit::journal
