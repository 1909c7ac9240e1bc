#include "egress/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ambit::egress {
namespace {

/// The kernel's own bound on error numbers (MAX_ERRNO, include/linux/err.h).
constexpr std::int32_t kMaxErrno = 4095;

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
  if (report.reserved != 0) return "reserved";
  if (report.error < 0 || report.error > kMaxErrno) return "error";
  const std::size_t used = report.family == 6 ? 16 : report.family;
  const auto rest = std::span(report.address).subspan(used);
  if (!std::ranges::all_of(rest, [](std::uint8_t byte) { return byte == 0; })) return "address";
  return nullptr;
}

}  // namespace

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
