#include "journal/match.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "base/text.h"
#include "event/refusal.h"

namespace ambit::journal {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

bool Fits(const std::string& pattern, const char* text) {
  return ::fnmatch(pattern.c_str(), text, FNM_NOESCAPE) == 0;
}

bool PathFits(const std::string& pattern, const std::string& path) {
  if (Fits(pattern, path.c_str())) return true;
  if (pattern.starts_with('/')) return false;
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (Fits(pattern, path.c_str() + slash + 1)) return true;
  }
  return false;
}

/// The lists of what apply did say how a path changes before they name it: "M src/main.c".
std::string_view WithoutLetter(std::string_view path) {
  const bool letter = path.size() > 2 && path[1] == ' ' && path[0] >= 'A' && path[0] <= 'Z';
  return letter ? path.substr(2) : path;
}

bool NamesPath(const std::string& pattern, const event::Field& field) {
  if (field.name == "path" || field.name == "to") {
    const auto* text = std::get_if<std::string>(&field.value);
    return text != nullptr && PathFits(pattern, *text);
  }
  const auto* list = std::get_if<std::vector<std::string>>(&field.value);
  if (list == nullptr || !field.name.ends_with("_paths")) return false;
  return std::ranges::any_of(*list, [&](const std::string& path) {
    return PathFits(pattern, std::string(WithoutLetter(path)));
  });
}

std::optional<std::int64_t> ParseDuration(std::string_view text) {
  constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  constexpr std::int64_t kMost = 100LL * 365 * 86400;
  if (error != std::errc() || end + 1 != text.data() + text.size() || count < 0) return {};
  for (const auto& [unit, seconds] : kUnits) {
    if (*end == unit && count <= kMost / seconds) return count * seconds * kSecond;
  }
  return {};
}

std::optional<std::int64_t> ParseTime(const std::string& text, std::int64_t now_ns) {
  const std::time_t now = now_ns / kSecond;
  for (const char* form : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
                           "%Y-%m-%dT%H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"}) {
    struct tm parts{};
    if (::localtime_r(&now, &parts) == nullptr) return {};
    parts.tm_sec = parts.tm_min = parts.tm_hour = 0;
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    parts.tm_isdst = -1;
    const std::time_t seconds = ::mktime(&parts);
    if (seconds != -1) return seconds * kSecond;
  }
  return {};
}

}  // namespace

bool Matches(const Wanted& wanted, const Entry& entry) {
  if (wanted.since_ns && entry.time_ns < *wanted.since_ns) return false;
  if (wanted.refused && !event::IsRefused(entry.event)) return false;
  if (!wanted.type.empty() && !Fits(wanted.type, entry.event.c_str())) return false;
  return wanted.path.empty() || std::ranges::any_of(entry.fields, [&](const event::Field& field) {
           return NamesPath(wanted.path, field);
         });
}

Result<std::int64_t> ParseSince(std::string_view text, std::int64_t now_ns) {
  if (const auto duration = ParseDuration(text)) return now_ns - *duration;
  if (const auto time = ParseTime(std::string(text), now_ns)) return *time;
  return Fail(Errc::kInvalidArgument, fmt::format("--since '{}' is no time", Printable(text)),
              "a duration such as 90s, 10m, 2h or 1d, or a time such as 14:05, 2026-01-31 or "
              "'2026-01-31 14:05'");
}

}  // namespace ambit::journal
