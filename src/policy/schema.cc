#include "policy/schema.h"

#include <fmt/format.h>

#include <string_view>

#include <nlohmann/json.hpp>

#include "policy/options.h"
#include "policy/presets.h"
#include "policy/toml_reader.h"

namespace ambit::policy {
namespace {

using Json = nlohmann::ordered_json;

// What values.cc checks, as patterns that every dialect of regular expressions has: no lookahead.
constexpr std::string_view kNoZeroByte = R"(^[^\u0000]*$)";
// A name, *.name or an address, with tcp:// before it and a port behind it.
constexpr std::string_view kTarget =
    R"(^(tcp://)?(\[[0-9A-Fa-f:.]+(/[0-9]{1,3})?\]|[^\s/:@\[\]]+(/[0-9]{1,2})?)(:[1-9][0-9]{0,4})?$)";
// A name or *.name, with = and an address behind it.
constexpr std::string_view kPrivateName =
    R"(^[^\s/:@=\[\]]+(=(\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+))?$)";
constexpr std::string_view kPort =
    "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
// A port, or HOST:INSIDE, where HOST may be 0.
constexpr std::string_view kPublished =
    "^((0|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]):)?"
    "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";
constexpr std::string_view kVariableName = "^[A-Za-z_][A-Za-z0-9_]*$";
/// Absolute, `~`, below `~/`, or relative.
constexpr std::string_view kPath = R"(^(~(/[^\u0000]*)?|[^~\u0000][^\u0000]*)$)";
constexpr std::string_view kFilePath = "^(/|~/)";

// Whether there is so much, and so little that no run could do anything, only the reader says.
constexpr std::string_view kDuration =
    "^(none|([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$";
constexpr std::string_view kSize =
    R"(^(none|[0-9]+|[0-9]+(\.[0-9]+)? ?(TiB|GiB|MiB|KiB|TB|GB|MB|kB|B))$)";
constexpr std::string_view kCount = "^(none|[0-9]+)$";
constexpr std::string_view kDecimal = R"(^(none|[0-9]+(\.[0-9]+)?)$)";

/// NAME, DIR/NAME or **/NAME. A name is neither `.` nor `..`; a directory is not `..` and has no
/// wildcard; only the first of them cannot be empty, or the pattern would begin with a slash.
std::string Pattern() {
  constexpr std::string_view kName = R"(([^./\u0000][^/\u0000]*|\.[^./\u0000][^/\u0000]*|)"
                                     R"(\.\.[^/\u0000]+))";
  constexpr std::string_view kDirectory = R"(([^./*?\u0000][^/*?\u0000]*|)"
                                          R"(\.([^./*?\u0000][^/*?\u0000]*)?|\.\.[^/*?\u0000]+))";
  return fmt::format(R"(^(\*\*/(\./)?{0}|({1}/({1}?/)*)?{0})/?$)", kName, kDirectory);
}

Json Text(std::string_view pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

/// As an entry of a list: length is counted in characters here, so the reader is the stricter one.
Json Entry(std::string_view pattern) {
  Json text = Text(pattern);
  text["maxLength"] = kMaxEntryBytes;
  return text;
}

Json ListOf(Json items) {
  return {{"type", "array"}, {"maxItems", kMaxEntries}, {"items", std::move(items)}};
}

Json Object() { return {{"type", "object"}, {"additionalProperties", false}}; }

Json TableOf(std::string_view names, Json values) {
  return {{"type", "object"},
          {"maxProperties", kMaxEntries},
          {"propertyNames", {{"pattern", names}, {"maxLength", kMaxEntryBytes}}},
          {"additionalProperties", std::move(values)}};
}

Json Choice(const Option& option) {
  return {{"type", "string"}, {"enum", option.choices}, {"default", option.by_default}};
}

Json Choices(const Option& option) { return {{"type", "string"}, {"enum", option.choices}}; }

/// Written as a string, or as a number of this type.
Json TextOr(std::string_view number, std::string_view pattern) {
  return {{"type", {"string", number}}, {"pattern", pattern}, {"minimum", 0}};
}

/// A number, or a string as a flag has it.
Json Port(std::string_view pattern) {
  return {{"type", {"integer", "string"}},
          {"minimum", 1},
          {"maximum", 65535},
          {"pattern", pattern},
          {"maxLength", kMaxEntryBytes}};
}

Json DurationText() {
  Json text = Text(kDuration);
  text["minLength"] = 1;
  return text;
}

Json PresetNames() {
  Json names = Json::array();
  for (const Preset& preset : Presets()) names.push_back(preset.name);
  return {{"type", "string"}, {"enum", std::move(names)}};
}

Json ValueOf(const Option& option) {
  switch (option.shape) {
    case Shape::kChoice:
      return Choice(option);
    case Shape::kYesNo:
      return {{"type", "boolean"}, {"default", option.by_default == option.choices.back()}};
    case Shape::kPaths:
      return ListOf(Entry(kPath));
    case Shape::kPatterns:
      return ListOf(Entry(Pattern()));
    case Shape::kNames:
      return ListOf(Entry(kVariableName));
    case Shape::kVariables:
      return TableOf(kVariableName, Text(kNoZeroByte));
    case Shape::kFiles:
      return TableOf(kFilePath, {{"type", "string"}});
    case Shape::kPorts:
      return ListOf(Port(kPort));
    case Shape::kPublished:
      return ListOf(Port(kPublished));
    case Shape::kTargets:
      return ListOf(Entry(kTarget));
    case Shape::kPrivate:
      return ListOf(Entry(kPrivateName));
    case Shape::kPresets:
      return ListOf(PresetNames());
    case Shape::kDuration:
      return DurationText();
    case Shape::kBytes:
      return TextOr("integer", kSize);
    case Shape::kCount:
      return TextOr("integer", kCount);
    case Shape::kDecimal:
      return TextOr("number", kDecimal);
    case Shape::kLimits:
      return ListOf(Choices(option));
  }
  return {};
}

std::string_view Effect(Direction direction) {
  switch (direction) {
    case Direction::kWidens:
      return "Gives the run more: in a project's file it holds once the file is trusted.";
    case Direction::kTightens:
      return "Takes from the run: it holds in every file.";
    case Direction::kByChoice:
      return "What gives the run more than it has without this file holds once the file is "
             "trusted.";
    case Direction::kByValue:
      return "The lowest value of all files that are not trusted is the most that can be chosen.";
  }
  return {};
}

Json SchemaOf(const Option& option) {
  Json schema = {{"description", fmt::format("{}. By default: {}. {}", option.doc,
                                             option.by_default, Effect(option.direction))}};
  schema.update(ValueOf(option));
  if (option.by_default == kNothing) {
    schema["default"] = schema["type"] == "array" ? Json::array() : Json::object();
  }
  return schema;
}

Json TestSchema() {
  Json test = Object();
  for (const TestKey& key : TestKeys()) {
    Json list = {{"description", fmt::format("{}.", key.doc)}};
    list.update(ListOf({{"type", "string"}, {"maxLength", kMaxEntryBytes}}));
    test["properties"][std::string(key.key)] = std::move(list);
  }
  Json tests = {{"description", "What must hold of this policy; 'ambit policy test' tries it."}};
  tests.update(Json{{"type", "array"}, {"items", std::move(test)}});
  tests["minItems"] = 1;
  return tests;
}

}  // namespace

std::string JsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "ambit.toml"},
                 {"description",
                  "What a run of ambit may do. Paths are absolute, begin with ~/, or "
                  "are relative to the project."}};
  schema.update(Object());
  Json& top = schema["properties"];
  for (const Option& option : Options()) {
    const std::size_t dot = option.key.find('.');
    if (dot == std::string_view::npos) {
      top[std::string(option.key)] = SchemaOf(option);
      continue;
    }
    Json& section = top[std::string(option.key.substr(0, dot))];
    if (section.is_null()) section = Object();
    section["properties"][std::string(option.key.substr(dot + 1))] = SchemaOf(option);
  }
  top["test"] = TestSchema();
  return schema.dump(2) + "\n";
}

}  // namespace ambit::policy
