#include "cli/usage_text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>

namespace ambit::cli {

std::string Size(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", number, kUnits.at(unit));
}

std::string Span(std::uint64_t ms) {
  const std::uint64_t seconds = ms / 1000;
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string OfLimit(std::string amount, const plan::Limits& limits, policy::Limit kind) {
  const plan::Limit* limit = limits.Find(kind);
  if (limit == nullptr) return amount;
  return fmt::format("{} of {}", amount, policy::TextOf(kind, limit->value));
}

std::string LimitsForPeople(const plan::Limits& limits) {
  std::string text;
  for (const plan::Limit& limit : limits.all) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", policy::NameOf(limit.kind),
                        policy::TextOf(limit.kind, limit.value));
  }
  return text.empty() ? "none" : text;
}

std::string LimitsForPrograms(const plan::Limits& limits) {
  std::string members;
  for (const plan::Limit& limit : limits.all) {
    members += fmt::format("{}\"{}\":{}", members.empty() ? "" : ",", policy::NameOf(limit.kind),
                           limit.value);
  }
  return fmt::format("{{{}}}", members);
}

std::uint64_t WallOf(const workspace::RunMeta& meta) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t until = meta.finished_ns.value_or(now.tv_sec * 1'000'000'000LL + now.tv_nsec);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, until - meta.started_ns)) / 1'000'000;
}

}  // namespace ambit::cli
