#include "egress/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ambit::egress {
namespace {

/// The kernel's own bound on error numbers (MAX_ERRNO, include/linux/err.h).
constexpr std::int32_t kMaxErrno = 4095;

/// A name in the one form that names have, and zeros behind it; or nothing but zeros.
bool IsName(const NameText& text) {
  const std::string_view name = NameIn(text);
  if (!std::ranges::all_of(std::span(text).subspan(name.size()), [](char c) { return c == 0; })) {
    return false;
  }
  if (name.empty()) return true;
  const auto parsed = HostName::Parse(name);
  return parsed && parsed->text() == name;
}

const char* FirstBadField(const EgressReport& report) {
  const auto kind = static_cast<std::uint8_t>(report.kind);
  if (report.version != EgressReport::kVersion) return "version";
  if (kind < static_cast<std::uint8_t>(ReportKind::kReady) ||
      kind > static_cast<std::uint8_t>(kLastReportKind)) {
    return "kind";
  }
  if (report.stage > kLastStage) return "stage";
  if ((report.stage != Stage::kNone) != (report.kind == ReportKind::kFailed)) return "stage";
  if (report.family != 0 && report.family != 4 && report.family != 6) return "family";
  if (report.mismatch > kLastMismatch) return "mismatch";
  if (report.reach > policy::kLastReach) return "reach";
  if (!IsName(report.name)) return "name";
  if (!IsName(report.claimed)) return "claimed";
  if (report.published > UINT16_MAX) return "published";
  if (report.error < 0 || report.error > kMaxErrno) return "error";
  const std::size_t used = report.family == 6 ? 16 : report.family;
  const auto rest = std::span(report.address).subspan(used);
  if (!std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0; })) return "address";
  return nullptr;
}

}  // namespace

NameText TextOfName(std::string_view name) {
  NameText text{};
  std::ranges::copy(name.substr(0, HostName::kMost), text.begin());
  return text;
}

std::string_view NameIn(const NameText& text) {
  return {text.data(), ::strnlen(text.data(), text.size())};
}

Result<EgressReport> DecodeReport(std::span<const std::byte> message) {
  EgressReport report;
  if (message.size() != sizeof report) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("egress report: '{}' bytes, not {}", message.size(), sizeof report));
  }
  std::memcpy(&report, message.data(), sizeof report);
  if (const char* field = FirstBadField(report)) {
    return Fail(Errc::kInvalidArgument, fmt::format("egress report: bad field '{}'", field));
  }
  return report;
}

}  // namespace ambit::egress
