#include "journal/export.h"

#include <fmt/format.h>
#include <time.h>

#include <ctime>
#include <span>
#include <utility>

#include "base/text.h"
#include "journal/entry_text.h"

namespace ambit::journal {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

/// A spreadsheet takes a cell for a formula by its first character: such a one gets a quote before
/// it, which spreadsheets take for "this is text".
std::string Cell(std::string_view text) {
  constexpr std::string_view kOfFormulas = "=+-@\t\r";
  std::string cell = "\"";
  if (!text.empty() && kOfFormulas.find(text.front()) != std::string_view::npos) cell += '\'';
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

std::string Cells(std::span<const std::string> cells) {
  std::string row;
  for (const std::string& cell : cells) row += (row.empty() ? "" : ",") + Cell(cell);
  return row.append(kLineEnd);
}

std::string NumberCell(const Entry& entry, std::string_view name) {
  const auto number = entry.Number(name);
  return number ? fmt::format("{}", *number) : "";
}

class JsonLines : public Exporter {
 public:
  std::string Add(const Entry& /*entry*/, std::string_view line) override {
    return std::string(line) + "\n";
  }
};

class Csv : public Exporter {
 public:
  std::string Begin() override {
    return Cells(std::vector<std::string>(kColumns.begin(), kColumns.end()));
  }
  std::string Add(const Entry& entry, std::string_view /*line*/) override { return CsvRow(entry); }
};

class Ocsf : public Exporter {
 public:
  explicit Ocsf(std::string version) : version_(std::move(version)) {}
  std::string Add(const Entry& entry, std::string_view /*line*/) override {
    return OcsfLine(entry, version_);
  }

 private:
  std::string version_;
};

}  // namespace

std::string UtcTime(std::int64_t unix_ns) {
  const std::int64_t nanoseconds = ((unix_ns % 1'000'000'000) + 1'000'000'000) % 1'000'000'000;
  const std::time_t seconds = (unix_ns - nanoseconds) / 1'000'000'000;
  struct tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     nanoseconds);
}

std::string CsvRow(const Entry& entry) {
  const std::array<std::string, kColumns.size()> cells = {UtcTime(entry.time_ns),
                                                          Printable(entry.run),
                                                          fmt::format("{}", entry.sequence),
                                                          Printable(entry.event),
                                                          NumberCell(entry, "pid"),
                                                          Printable(entry.Text("path")),
                                                          Printable(entry.Text("to")),
                                                          NumberCell(entry, "port"),
                                                          Printable(entry.Text("rule")),
                                                          Essence(entry),
                                                          FieldsAsJson(entry)};
  return Cells(cells);
}

std::unique_ptr<Exporter> MakeExporter(Format format, std::string ambit_version) {
  switch (format) {
    case Format::kCsv:
      return std::make_unique<Csv>();
    case Format::kOcsf:
      return std::make_unique<Ocsf>(std::move(ambit_version));
    case Format::kOtlp:
      return MakeOtlpExporter(std::move(ambit_version));
    case Format::kJsonLines:
      break;
  }
  return std::make_unique<JsonLines>();
}

}  // namespace ambit::journal
