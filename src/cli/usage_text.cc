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

std::uint64_t WallOf(const workspace::RunMeta& meta) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t until = meta.finished_ns.value_or(now.tv_sec * 1'000'000'000LL + now.tv_nsec);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, until - meta.started_ns)) / 1'000'000;
}

}  // namespace ambit::cli
