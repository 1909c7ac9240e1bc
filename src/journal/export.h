#pragma once
// A journal in the words of others, entry by entry, so that its length costs no memory. All of it
// is ASCII but csv, which is UTF-8, and nothing in it can steer a terminal or a spreadsheet.
// Who calls: cli. Pure.
//   jsonl  the journal's own lines
//   csv    RFC 4180: CRLF, every cell quoted, the columns of kColumns
//   ocsf   Open Cybersecurity Schema Framework 1.3, one JSON object per line
//   otlp   OpenTelemetry logs as OTLP/JSON: each line is a whole request of up to kBatch records
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "journal/entry.h"

namespace ambit::journal {

inline constexpr std::array<std::string_view, 11> kColumns = {
    "time", "run", "seq", "event", "pid", "path", "to", "port", "rule", "summary", "fields"};
inline constexpr std::size_t kBatch = 500;
inline constexpr std::string_view kOcsfVersion = "1.3.0";

enum class Format : std::uint8_t { kJsonLines, kCsv, kOcsf, kOtlp };

class Exporter {
 public:
  virtual ~Exporter() = default;
  /// What comes before the first entry.
  virtual std::string Begin() { return {}; }
  /// `line` is the entry's own; what is to be written for it, or nothing yet.
  virtual std::string Add(const Entry& entry, std::string_view line) = 0;
  /// What is left.
  virtual std::string End() { return {}; }
};

/// `ambit_version`: who says it.
std::unique_ptr<Exporter> MakeExporter(Format format, std::string ambit_version);

/// The event as one line each of these formats; for tests and MakeExporter.
std::string CsvRow(const Entry& entry);
std::string OcsfLine(const Entry& entry, const std::string& ambit_version);

std::unique_ptr<Exporter> MakeOtlpExporter(std::string ambit_version);

/// "2026-01-31T23:59:59.000000000Z".
std::string UtcTime(std::int64_t unix_ns);

/// The entry's own fields as one JSON object, ASCII.
std::string FieldsAsJson(const Entry& entry);

}  // namespace ambit::journal
