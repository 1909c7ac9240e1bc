#include "policy/reference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ambit::policy {
namespace {

/// "fs" of "fs.ro"; empty for a key outside of all sections.
std::string_view SectionOf(std::string_view key) {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

/// As the text of a table's cell.
std::string Cell(std::string_view text) {
  std::string cell;
  for (char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '<') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string FlagCell(const Option& option) {
  if (option.flag.empty()) return "";
  return fmt::format("`{} {}`", option.flag, option.value_name);
}

std::string Heading(std::string_view section) {
  return fmt::format(
      "### {}\n| key | flag of `run` | type | default | direction | |\n"
      "|---|---|---|---|---|---|\n",
      section.empty() ? "Outside of all sections" : fmt::format("`[{}]`", section));
}

}  // namespace

std::string TypeOf(const Option& option) {
  switch (option.shape) {
    case Shape::kChoice:
      return fmt::format("one of {}", fmt::join(option.choices, ", "));
    case Shape::kYesNo:
      return "true or false";
    case Shape::kPaths:
      return "list of paths";
    case Shape::kPatterns:
      return "list of patterns";
    case Shape::kNames:
      return "list of variable names";
    case Shape::kVariables:
      return "table: name = value";
    case Shape::kFiles:
      return "table: path = content";
    case Shape::kPorts:
    case Shape::kPublished:
      return "list of ports";
    case Shape::kTargets:
      return "list of names";
    case Shape::kPrivate:
      return "list of names, each with =ADDRESS or without";
    case Shape::kPresets:
      return "list of presets";
    case Shape::kDuration:
      return "duration";
    case Shape::kBytes:
      return "size";
    case Shape::kCount:
      return "whole number";
    case Shape::kDecimal:
      return "number";
    case Shape::kLimits:
      return "list of limits";
  }
  return {};
}

std::string_view WordFor(Direction direction) {
  switch (direction) {
    case Direction::kWidens:
      return "widens";
    case Direction::kTightens:
      return "tightens";
    case Direction::kByChoice:
      return "by choice";
    case Direction::kByValue:
      return "lower tightens";
  }
  return {};
}

std::string ReferencePage() {
  std::string page;
  std::string_view section = "none yet";
  for (const Option& option : Options()) {
    if (SectionOf(option.key) != section) {
      if (!page.empty()) page += "\n";
      section = SectionOf(option.key);
      page += Heading(section);
    }
    page += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", option.key, FlagCell(option),
                        Cell(TypeOf(option)), Cell(option.by_default), WordFor(option.direction),
                        Cell(option.doc));
  }
  page += "\n### `[[test]]`\n| key | |\n|---|---|\n";
  for (const TestKey& key : TestKeys())
    page += fmt::format("| `{}` | {} |\n", key.key, Cell(key.doc));
  return page;
}

}  // namespace ambit::policy
