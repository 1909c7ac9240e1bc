#include "cli/policy_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/text.h"

namespace ambit::cli {
namespace {

std::string ValueOf(const policy::Option& option, const policy::Item& item) {
  switch (option.shape) {
    case policy::Shape::kVariables:
      return fmt::format("{}={}", Printable(item.text), Printable(item.value));
    case policy::Shape::kFiles:
      return fmt::format("{} ({})", Printable(item.text), Count(item.value.size(), "byte"));
    default:
      return Printable(item.text);
  }
}

std::span<const policy::Item> ItemsOf(const policy::Setting* setting) {
  return setting != nullptr ? setting->items : std::span<const policy::Item>();
}

/// Each line marked, so that none can pass for one of the difference.
std::string ContentOf(const PolicyLine& line) {
  std::string out;
  std::string_view rest = std::string_view(line.content).substr(0, kMaxShownOfFile);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    out += fmt::format("    | {}\n", Printable(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (line.content.size() > kMaxShownOfFile) {
    out += fmt::format("    ({} more bytes are not shown here: {})\n",
                       line.content.size() - kMaxShownOfFile, policy::Describe(line.origin));
  }
  return out;
}

void OnlyIn(const std::vector<PolicyLine>& some, const std::vector<PolicyLine>& others, char sign,
            std::string& out) {
  for (const PolicyLine& line : some) {
    if (std::ranges::find(others, line) != others.end()) continue;
    out += fmt::format("{} {} {}\n", sign, line.key, line.value);
    if (sign == '+') out += ContentOf(line);
  }
}

}  // namespace

std::vector<PolicyLine> LinesOf(const policy::Merged& merged, bool with_defaults) {
  std::vector<PolicyLine> lines;
  for (const policy::Option& option : policy::Options()) {
    const policy::Setting* setting = merged.Find(option.key);
    const bool choice = policy::IsSingle(option);
    // What a list holds by itself holds beside what others add to it.
    const bool holds = setting == nullptr || (!choice && option.by_default != policy::kNothing);
    if (holds && (with_defaults || choice)) {
      lines.push_back({.key = std::string(option.key),
                       .value = std::string(option.by_default),
                       .content = {},
                       .origin = {},
                       .built_in = true});
    }
    for (const policy::Item& item : ItemsOf(setting)) {
      lines.push_back({.key = std::string(option.key),
                       .value = ValueOf(option, item),
                       .content = option.shape == policy::Shape::kFiles ? item.value : "",
                       .origin = item.origin});
    }
    for (const policy::Item& item : ItemsOf(merged.FindBound(option.key))) {
      lines.push_back({.key = std::string(option.key),
                       .value = fmt::format("at most {}", Printable(item.text)),
                       .content = {},
                       .origin = item.origin});
    }
  }
  return lines;
}

std::string ForPeople(const std::vector<PolicyLine>& lines) {
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const PolicyLine& line : lines) {
    key_width = std::max(key_width, line.key.size());
    value_width = std::max(value_width, std::min<std::size_t>(line.value.size(), 60));
  }
  std::string out;
  for (const PolicyLine& line : lines) {
    out += fmt::format("{:<{}}  {:<{}}  {}\n", line.key, key_width, line.value, value_width,
                       line.built_in ? "built in" : policy::Describe(line.origin));
  }
  return out;
}

std::string Difference(const std::vector<PolicyLine>& before,
                       const std::vector<PolicyLine>& after) {
  std::string out;
  OnlyIn(before, after, '-', out);
  OnlyIn(after, before, '+', out);
  return out;
}

}  // namespace ambit::cli
