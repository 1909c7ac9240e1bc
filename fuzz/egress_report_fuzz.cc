// Property: a report that is taken is one an honest relay could have sent, to the last byte: known
// kind and stage, a real errno, no address bytes beyond the family's, and nothing lost on the way.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "egress/report.h"

namespace {

using ambit::egress::EgressReport;
using ambit::egress::ReportKind;
using ambit::egress::Stage;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto report = ambit::egress::DecodeReport(std::as_bytes(std::span(data, size)));
  if (!report) {
    Require(!report.error().what.empty());
    return 0;
  }
  Require(size == sizeof(EgressReport) && std::memcmp(&*report, data, size) == 0);
  Require(report->kind >= ReportKind::kReady && report->kind <= ambit::egress::kLastReportKind);
  Require(report->stage <= ambit::egress::kLastStage);
  Require((report->kind == ReportKind::kFailed) == (report->stage != Stage::kNone));
  Require(report->error >= 0 && report->error <= 4095);
  Require(report->family == 0 || report->family == 4 || report->family == 6);
  const std::size_t used = report->family == 6 ? 16 : report->family;
  Require(std::ranges::all_of(std::span(report->address).subspan(used),
                              [](std::uint8_t byte) { return byte == 0; }));
  return 0;
}
