#include "policy/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "base/text.h"

namespace ambit::policy {
namespace {

enum class Unit : std::uint8_t { kMilliseconds, kBytes, kBytesPerSecond, kCount, kThousandths };

struct Kind {
  Unit unit = Unit::kCount;
  std::uint64_t least = 1;
  std::string_view why_least;  // what a smaller value would be good for
};

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// In the order of Limit.
constexpr std::array<Kind, kLimits> kKinds = {{
    {.unit = Unit::kMilliseconds, .why_least = "nothing can run for that long"},
    {.unit = Unit::kMilliseconds, .why_least = "every run is idle for that long"},
    {.unit = Unit::kMilliseconds, .why_least = "nothing can run for that long"},
    {.unit = Unit::kThousandths, .least = 10, .why_least = "nothing gets anywhere"},
    {.unit = Unit::kBytes, .least = 16 * kMiB, .why_least = "nothing starts"},
    {.least = 4, .why_least = "a shell cannot start a command"},
    {.unit = Unit::kBytes, .least = kMiB, .why_least = "a home does not fit"},
    {.least = 64, .why_least = "a home does not fit"},
    {.unit = Unit::kBytesPerSecond, .least = 64U << 10, .why_least = "nothing gets anywhere"},
    {.least = 16, .why_least = "programs cannot load their libraries"},
    {.unit = Unit::kBytes, .why_least = "nothing can be asked for"},
}};

const Kind& Of(Limit limit) { return kKinds.at(static_cast<std::size_t>(limit)); }

struct Factor {
  std::string_view name;
  std::uint64_t value = 1;
};

constexpr std::array<Factor, 5> kOfTime = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

constexpr std::array<Factor, 9> kOfBytes = {{{"TiB", kMiB << 20},
                                             {"GiB", kMiB << 10},
                                             {"MiB", kMiB},
                                             {"KiB", 1 << 10},
                                             {"TB", 1'000'000'000'000},
                                             {"GB", 1'000'000'000},
                                             {"MB", 1'000'000},
                                             {"kB", 1'000},
                                             {"B", 1}}};

/// Digits at the beginning of `rest`, which is shortened by them. nullopt: none, or too many.
std::optional<std::uint64_t> TakeNumber(std::string_view& rest) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return number;
}

/// `number * factor`; nullopt: it does not fit.
std::optional<std::uint64_t> Times(std::uint64_t number, std::uint64_t factor) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return std::nullopt;
  return product;
}

std::optional<std::uint64_t> Plus(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// "1h30m": each unit at most once, the largest first.
std::optional<std::uint64_t> Milliseconds(std::string_view rest) {
  std::uint64_t sum = 0;
  const auto* unit = kOfTime.begin();
  if (rest.empty()) return std::nullopt;
  while (!rest.empty()) {
    const auto number = TakeNumber(rest);
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789"));
    unit = std::find_if(unit, kOfTime.end(), [&](const Factor& one) { return one.name == name; });
    if (!number || unit == kOfTime.end()) return std::nullopt;
    const auto part = Times(*number, unit->value);
    const auto more = part ? Plus(sum, *part) : std::nullopt;
    if (!more) return std::nullopt;
    sum = *more;
    rest.remove_prefix(name.size());
    ++unit;
  }
  return sum;
}

/// "1.5" of `factor`, rounded down; takes the number from `rest`.
std::optional<std::uint64_t> TakeDecimal(std::string_view& rest, std::uint64_t factor) {
  const auto whole = TakeNumber(rest);
  if (!whole) return std::nullopt;
  const auto value = Times(*whole, factor);
  if (!rest.starts_with('.')) return value;
  rest.remove_prefix(1);
  const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0) return std::nullopt;
  constexpr std::size_t kRead = 6;  // times the largest factor it still fits
  std::uint64_t fraction = 0;
  std::uint64_t whole_of_it = 1;
  for (const char digit : rest.substr(0, std::min(digits, kRead))) {
    fraction = fraction * 10 + static_cast<std::uint64_t>(digit - '0');
    whole_of_it *= 10;
  }
  rest.remove_prefix(digits);
  return value ? Plus(*value, fraction * factor / whole_of_it) : std::nullopt;
}

/// "1.5GiB", "512 MiB", and plain bytes.
std::optional<std::uint64_t> Bytes(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string_view::npos) {
    const auto bytes = TakeNumber(text);
    return text.empty() ? bytes : std::nullopt;
  }
  std::string_view name = text.substr(end);
  if (name.starts_with(' ')) name.remove_prefix(1);
  const auto* const unit = std::ranges::find(kOfBytes, name, &Factor::name);
  if (unit == kOfBytes.end()) return std::nullopt;
  std::string_view number = text.substr(0, end);
  const auto bytes = TakeDecimal(number, unit->value);
  return number.empty() ? bytes : std::nullopt;
}

std::optional<std::uint64_t> ValueOf(Unit unit, std::string_view text) {
  switch (unit) {
    case Unit::kMilliseconds:
      return Milliseconds(text);
    case Unit::kBytes:
    case Unit::kBytesPerSecond:
      return Bytes(text);
    case Unit::kCount: {
      const auto count = TakeNumber(text);
      return text.empty() ? count : std::nullopt;
    }
    case Unit::kThousandths: {
      constexpr std::uint64_t kOne = 1000;
      const auto value = TakeDecimal(text, kOne);
      return text.empty() ? value : std::nullopt;
    }
  }
  return std::nullopt;
}

struct Spelling {
  std::string_view what;
  std::string_view examples;
};

Spelling SpellingOf(Unit unit) {
  switch (unit) {
    case Unit::kMilliseconds:
      return {.what = "not a duration", .examples = "90s, 15m, 1h30m or none"};
    case Unit::kBytes:
      return {.what = "not a size", .examples = "512MiB, 1.5GiB, 10GB or none"};
    case Unit::kBytesPerSecond:
      return {.what = "not a size", .examples = "how much a second: 10MiB, 1.5GiB or none"};
    case Unit::kCount:
      return {.what = "not a count", .examples = "a whole number or none"};
    case Unit::kThousandths:
      return {.what = "not a number of processors", .examples = "2, 1.5 or none"};
  }
  return {};
}

/// More than any machine has; less than what arithmetic on it could overflow.
std::uint64_t MostOf(Unit unit) {
  constexpr std::uint64_t kHundredYears = std::uint64_t{36'500} * 86'400'000;
  switch (unit) {
    case Unit::kMilliseconds:
      return kHundredYears;
    case Unit::kBytes:
    case Unit::kBytesPerSecond:
      return std::uint64_t{1} << 60;
    case Unit::kCount:
      return UINT32_MAX;
    case Unit::kThousandths:
      return 100'000'000;
  }
  return 0;
}

std::string DurationText(std::uint64_t milliseconds) {
  if (milliseconds == 0) return "0s";
  std::string text;
  for (const auto& [name, factor] : kOfTime) {
    if (milliseconds < factor) continue;
    text += fmt::format("{}{}", milliseconds / factor, name);
    milliseconds %= factor;
  }
  return text;
}

std::string BytesText(std::uint64_t bytes) {
  for (const auto& [name, factor] : kOfBytes) {
    if (name == "TB" || bytes < factor) continue;
    const std::uint64_t tenths = bytes % factor * 10 / factor;
    return tenths == 0 ? fmt::format("{} {}", bytes / factor, name)
                       : fmt::format("{}.{} {}", bytes / factor, tenths, name);
  }
  return fmt::format("{} B", bytes);
}

}  // namespace

std::string_view NameOf(Limit limit) { return kLimitNames.at(static_cast<std::size_t>(limit)); }

std::string_view NameOf(DiskBacking backing) {
  switch (backing) {
    case DiskBacking::kDisk:
      return "disk";
    case DiskBacking::kImage:
      return "image";
    case DiskBacking::kMemory:
      return "memory";
  }
  return "?";
}

std::optional<Limit> LimitNamed(std::string_view name) {
  const auto* const found = std::ranges::find(kLimitNames, name);
  if (found == kLimitNames.end()) return std::nullopt;
  return static_cast<Limit>(found - kLimitNames.begin());
}

Result<std::uint64_t> ParseLimit(Limit limit, std::string_view text) {
  if (text == kNoLimitWord) return kNoLimit;
  const Kind& kind = Of(limit);
  const auto refuse = [&](std::string why, std::string remedy) {
    return Fail(Errc::kInvalidArgument, fmt::format("'{}': {}", Printable(text), why),
                std::move(remedy));
  };
  const Spelling spelling = SpellingOf(kind.unit);
  const auto value = ValueOf(kind.unit, text);
  if (!value) return refuse(std::string(spelling.what), fmt::format("write {}", spelling.examples));
  if (*value < kind.least) {
    return refuse(fmt::format("with less than {} {}", TextOf(limit, kind.least), kind.why_least),
                  fmt::format("write {} or more, or none for no limit", TextOf(limit, kind.least)));
  }
  if (*value > MostOf(kind.unit))
    return refuse("more than there can be", "write none for no limit");
  return *value;
}

std::string TextOf(Limit limit, std::uint64_t value) {
  if (value == kNoLimit) return std::string(kNoLimitWord);
  switch (Of(limit).unit) {
    case Unit::kMilliseconds:
      return DurationText(value);
    case Unit::kBytes:
      return BytesText(value);
    case Unit::kBytesPerSecond:
      return BytesText(value) + "/s";
    case Unit::kCount:
      return std::to_string(value);
    case Unit::kThousandths:
      return fmt::format("{:g}", static_cast<double>(value) / 1000);
  }
  return {};
}

std::string_view UnitOf(Limit limit) {
  switch (Of(limit).unit) {
    case Unit::kMilliseconds:
      return "ms";
    case Unit::kBytes:
      return "bytes";
    case Unit::kBytesPerSecond:
      return "bytes/s";
    case Unit::kCount:
      return "count";
    case Unit::kThousandths:
      return "thousandths";
  }
  return {};
}

}  // namespace ambit::policy
