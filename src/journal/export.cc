#include "journal/export.h"

#include <fmt/format.h>
#include <time.h>

#include <ctime>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "event/event.h"
#include "event/refusal.h"
#include "journal/entry_text.h"
#include "journal/export_json.h"

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

Json Attribute(std::string_view name, Json value) {
  return {{"key", name}, {"value", std::move(value)}};
}

Json AnyValue(const event::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return {{"stringValue", *text}};
  // 64-bit numbers are strings in the JSON of protocol buffers.
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return {{"intValue", fmt::format("{}", *number)}};
  }
  if (const auto* flag = std::get_if<bool>(&value)) return {{"boolValue", *flag}};
  Json values = Json::array();
  for (const std::string& text : std::get<std::vector<std::string>>(value)) {
    values.push_back({{"stringValue", text}});
  }
  return {{"arrayValue", {{"values", std::move(values)}}}};
}

/// Requests of the logs service, as it takes them with content type application/json.
class Otlp : public Exporter {
 public:
  explicit Otlp(std::string version) : version_(std::move(version)) {}

  std::string Add(const Entry& entry, std::string_view /*line*/) override {
    std::string out;
    if (!records_.empty() && entry.run != run_) out = Flush();
    run_ = entry.run;
    records_.push_back(LogEntry(entry));
    return records_.size() < kBatch ? out : out + Flush();
  }
  std::string End() override { return records_.empty() ? "" : Flush(); }

 private:
  static Json LogEntry(const Entry& entry) {
    // Of the data model's numbers: 9 is INFO, 13 is WARN.
    const bool warns = event::RefusalOf(entry.event, entry.fields).has_value();
    Json attributes = Json::array();
    attributes.push_back(Attribute("event.name", {{"stringValue", entry.event}}));
    attributes.push_back(Attribute("ambit.seq", {{"intValue", fmt::format("{}", entry.sequence)}}));
    for (const event::Field& field : entry.fields) {
      attributes.push_back(Attribute("ambit." + field.name, AnyValue(field.value)));
    }
    const std::string time = fmt::format("{}", entry.time_ns);
    return {{"timeUnixNano", time},
            {"observedTimeUnixNano", time},
            {"severityNumber", warns ? 13 : 9},
            {"severityText", warns ? "WARN" : "INFO"},
            {"body", {{"stringValue", entry.event + " " + Essence(entry)}}},
            {"attributes", std::move(attributes)}};
  }

  std::string Flush() {
    Json resource = Json::array();
    resource.push_back(Attribute("service.name", {{"stringValue", "ambit"}}));
    resource.push_back(Attribute("service.version", {{"stringValue", version_}}));
    resource.push_back(Attribute("service.instance.id", {{"stringValue", run_}}));
    Json logs = {{"scope", {{"name", "ambit.journal"}, {"version", version_}}},
                 {"logRecords", std::exchange(records_, Json::array())}};
    Json of_run = {{"resource", {{"attributes", std::move(resource)}}},
                   {"scopeLogs", Json::array({std::move(logs)})}};
    return AsLine({{"resourceLogs", Json::array({std::move(of_run)})}});
  }

  std::string version_;
  std::string run_;
  Json records_ = Json::array();
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

std::string AsLine(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
}

Json FieldsOf(const Entry& entry) {
  Json fields = Json::object();
  for (const event::Field& field : entry.fields) {
    std::visit([&](const auto& value) { fields[field.name] = value; }, field.value);
  }
  return fields;
}

std::string FieldsAsJson(const Entry& entry) {
  std::string line = AsLine(FieldsOf(entry));
  line.pop_back();
  return line;
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
      return std::make_unique<Otlp>(std::move(ambit_version));
    case Format::kJsonLines:
      break;
  }
  return std::make_unique<JsonLines>();
}

}  // namespace ambit::journal
