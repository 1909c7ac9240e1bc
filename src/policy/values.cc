#include "policy/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/text.h"
#include "policy/net_rules.h"
#include "policy/private_names.h"
#include "policy/published_port.h"

namespace ambit::policy {
namespace {

std::unexpected<Error> Wrong(std::string_view text, std::string_view why, std::string remedy = {}) {
  return Fail(Errc::kInvalidArgument, fmt::format("'{}': {}", Printable(text), why),
              std::move(remedy));
}

Status CheckChoice(const Option& option, const std::string& text) {
  if (ChoiceOf(option, text) >= 0) return {};
  const std::string_view meant = Nearest(text, option.choices);
  return Wrong(text, fmt::format("not one of {}", fmt::join(option.choices, ", ")),
               meant.empty() ? "" : fmt::format("did you mean '{}'?", meant));
}

Status CheckPath(const std::string& text, SourceKind source) {
  if (text.empty()) return Wrong(text, "names nothing");
  if (text.contains('\0')) return Wrong(text, "holds a zero byte");
  const bool anchored = text[0] == '/' || text == "~" || text.starts_with("~/");
  if (text[0] == '~' && !anchored)
    return Wrong(text, "only your own home can be meant", "write ~/");
  const bool may_be_relative =
      source == SourceKind::kProject || source == SourceKind::kFile || source == SourceKind::kFlags;
  if (!anchored && !may_be_relative) {
    return Wrong(text, "relative to no directory", "write it with / or ~/ at its start");
  }
  return {};
}

Status CheckPort(const std::string& text) {
  std::uint32_t port = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (err != std::errc() || text.starts_with('0') ||  // of base 8, to some
      end != text.data() + text.size() || port < 1 || port > 65535) {
    return Wrong(text, "not a port", "ports are 1 to 65535");
  }
  return {};
}

Status CheckName(const std::string& text) {
  if (IsVariableName(text)) return {};
  return Wrong(text, "not a variable name");
}

Status CheckVariable(const Item& item) {
  AMBIT_CHECK(CheckName(item.text));
  if (item.value.contains('\0')) return Wrong(item.text, "its value holds a zero byte");
  return {};
}

/// What is denied may be what nobody reaches.
Status CheckRule(const Option& option, const std::string& text) {
  AMBIT_TRY(const NetRule rule, ParseNetRule(text, {}));
  return option.key == "net.allow" ? CanBeAllowed(rule) : Status();
}

Status CheckLimit(const Option& option, const std::string& text) {
  AMBIT_TRY([[maybe_unused]] const std::uint64_t value, ParseLimit(*LimitOf(option), text));
  return {};
}

}  // namespace

bool IsVariableName(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, is_word);
}

bool IsNormalPath(std::string_view path) {
  if (path.size() < 2 || path[0] != '/' || path.back() == '/') return false;
  if (path.contains('\0')) return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

Status CheckPattern(std::string_view pattern) {
  constexpr std::string_view kEverywhere = "**/";
  const auto refuse = [&](std::string_view why) {
    return Wrong(pattern, why, "write NAME, DIR/NAME or **/NAME, with * and ? in NAME");
  };
  std::string_view rest = pattern;
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const bool everywhere = rest.starts_with(kEverywhere);
  if (everywhere) rest.remove_prefix(kEverywhere.size());
  if (rest.starts_with("./")) rest.remove_prefix(2);
  const std::size_t slash = rest.rfind('/');
  const std::string_view directory =
      slash == std::string_view::npos ? std::string_view() : rest.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? rest : rest.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return refuse("names no file");
  if (pattern.starts_with('/')) return refuse("begins with '/', but means a path of the project");
  if (pattern.contains('\0')) return refuse("holds a zero byte");
  if (directory.find_first_of("*?") != std::string_view::npos ||
      (everywhere && slash != std::string_view::npos)) {
    return refuse("has * or ? in a directory");
  }
  if (fmt::format("/{}/", directory).contains("/../")) return refuse("leaves the project");
  return {};
}

std::string WrittenOut(std::string_view path, std::string_view home, std::string_view base) {
  std::string out;
  if (path == "~" || path.starts_with("~/")) {
    out = std::string(home) + std::string(path.substr(1));
  } else if (path.starts_with('/') || base.empty()) {
    out = path;
  } else {
    if (path.starts_with("./")) path.remove_prefix(2);
    out = path == "." ? std::string(base) : fmt::format("{}/{}", base, path);
  }
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

Status CheckItem(const Option& option, const Item& item, SourceKind source) {
  switch (option.shape) {
    case Shape::kChoice:
    case Shape::kYesNo:
      return CheckChoice(option, item.text);
    case Shape::kPaths:
      return CheckPath(item.text, source);
    case Shape::kFiles:
      if (item.text[0] != '/' && !item.text.starts_with("~/")) {
        return Wrong(item.text, "not below the home or /etc", "write it with / or ~/ at its start");
      }
      return {};
    case Shape::kPatterns:
      return CheckPattern(item.text);
    case Shape::kNames:
      return CheckName(item.text);
    case Shape::kVariables:
      return CheckVariable(item);
    case Shape::kPorts:
      return CheckPort(item.text);
    case Shape::kTargets:
      return CheckRule(option, item.text);
    case Shape::kPrivate:
      if (const auto name = ParsePrivateName(item.text, {}); !name)
        return std::unexpected(name.error());
      return {};
    case Shape::kPublished:
      if (const auto port = ParsePublishedPort(item.text); !port)
        return std::unexpected(port.error());
      return {};
    case Shape::kPresets:
      return {};  // load.cc knows them
    case Shape::kDuration:
    case Shape::kBytes:
    case Shape::kCount:
    case Shape::kDecimal:
      return CheckLimit(option, item.text);
    case Shape::kLimits:
      return CheckChoice(option, item.text);
  }
  return {};
}

}  // namespace ambit::policy
