#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "event/refusal.h"
#include "journal/entry_text.h"
#include "journal/export.h"

namespace ambit::journal {
namespace {

using Json = nlohmann::ordered_json;

/// ASCII, with a line break.
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

// ---- OCSF

// Numbers of the schema (https://schema.ocsf.io, 1.3.0).
constexpr int kOther = 99;
constexpr int kInformational = 1;
constexpr int kMedium = 3;
constexpr int kDenied = 2;   // action_id
constexpr int kBlocked = 2;  // disposition_id
constexpr int kVirtual = 6;  // device.type_id

enum class Subject : std::uint8_t { kNone, kProcess, kFile, kNetwork, kApplication, kFinding };

struct Class {
  int category = 0;
  int uid = 0;
  std::string_view name;
};

constexpr Class Of(Subject subject) {
  switch (subject) {
    case Subject::kFile:
      return {.category = 1, .uid = 1001, .name = "File System Activity"};
    case Subject::kProcess:
      return {.category = 1, .uid = 1007, .name = "Process Activity"};
    case Subject::kFinding:
      return {.category = 2, .uid = 2004, .name = "Detection Finding"};
    case Subject::kNetwork:
      return {.category = 4, .uid = 4001, .name = "Network Activity"};
    case Subject::kApplication:
      return {.category = 6, .uid = 6002, .name = "Application Lifecycle"};
    case Subject::kNone:
      break;
  }
  return {.category = 0, .uid = 0, .name = "Base Event"};
}

struct Mapping {
  std::string_view event;
  Subject subject = Subject::kNone;
  int activity = kOther;
};

/// docs/journal.md tells the same. What is not here is a Base Event.
constexpr std::array<Mapping, 28> kMappings = {{
    {event::kRunStarted, Subject::kApplication, 3},  // Start
    {event::kRunEnded, Subject::kApplication, 4},    // Stop
    {event::kRunPlanned, Subject::kApplication, kOther},
    {event::kApplyStarted, Subject::kApplication, kOther},
    {event::kApplyEnded, Subject::kApplication, kOther},
    {event::kApplyRecovered, Subject::kApplication, kOther},
    {event::kUndoStarted, Subject::kApplication, kOther},
    {event::kUndoEnded, Subject::kApplication, kOther},
    {event::kBranchStarted, Subject::kApplication, kOther},
    {event::kBranchEnded, Subject::kApplication, kOther},
    {event::kWorkDiscarded, Subject::kApplication, kOther},
    {event::kProcessExec, Subject::kProcess, 1},  // Launch
    {event::kProcessExit, Subject::kProcess, 2},  // Terminate
    {event::kFileCreate, Subject::kFile, 1},
    {event::kFileWrite, Subject::kFile, 3},  // Update
    {event::kFileDelete, Subject::kFile, 4},
    {event::kFileRename, Subject::kFile, 5},
    {event::kFileMode, Subject::kFile, 6},   // Set Attributes
    {event::kFileOpen, Subject::kFile, 14},  // Open
    {event::kLayerRemained, Subject::kFile, kOther},
    {event::kCopiedUp, Subject::kFile, kOther},
    {event::kEgressConnect, Subject::kNetwork, kOther},
    {event::kEgressResolverAsked, Subject::kNetwork, kOther},
    {event::kPublishConnect, Subject::kNetwork, kOther},
    {event::kPublishListening, Subject::kNetwork, 7},  // Listen
    {event::kLimitWarning, Subject::kFinding, 1},      // Create
    {event::kLimitReached, Subject::kFinding, 1},
    {event::kLimitHeld, Subject::kFinding, 1},
}};

/// A denial is of what was denied.
Mapping OfDenial(const Entry& entry) {
  if (entry.Number("port") || entry.Find("host") != nullptr) {
    return {event::kDenial, Subject::kNetwork, 5};  // Refuse
  }
  if (!entry.Text("path").empty()) return {event::kDenial, Subject::kFile, kOther};
  return {event::kDenial, Subject::kFinding, 1};
}

Mapping OfConnect(const Entry& entry) {
  const std::string state = entry.Text("state");
  const int activity = state == "opened" ? 1 : state == "closed" ? 2 : 4;  // Open, Close, Fail
  return {entry.event, Subject::kNetwork, activity};
}

Mapping MappingOf(const Entry& entry) {
  if (entry.event == event::kDenial) return OfDenial(entry);
  if (entry.event == event::kEgressConnect || entry.event == event::kPublishConnect) {
    return OfConnect(entry);
  }
  const auto* const found = std::ranges::find(kMappings, entry.event, &Mapping::event);
  return found != kMappings.end() ? *found : Mapping{.event = {}};
}

std::string BaseName(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  return name.empty() ? path : name;
}

Json FileAt(const std::string& path) {
  return {{"name", BaseName(path)}, {"path", path}, {"type_id", 0}};  // Unknown: nobody looked
}

Json Process(const Entry& entry) {
  Json process = Json::object();
  if (const auto pid = entry.Number("pid")) process["pid"] = *pid;
  if (const std::string path = entry.Text("path"); !path.empty()) {
    process["name"] = BaseName(path);
    process["file"] = FileAt(path);
  }
  const event::Value* argv = entry.Find("argv");
  const auto* words = argv != nullptr ? std::get_if<std::vector<std::string>>(argv) : nullptr;
  if (words != nullptr) process["cmd_line"] = fmt::format("{}", fmt::join(*words, " "));
  if (const auto parent = entry.Number("ppid")) process["parent_process"] = {{"pid", *parent}};
  return process;
}

Json Actor(const Entry& entry) {
  Json actor = {{"app_name", "ambit run " + entry.run}};
  if (const auto pid = entry.Number("pid")) actor["process"] = {{"pid", *pid}};
  return actor;
}

void AddProcess(const Entry& entry, Json& out) {
  out["process"] = Process(entry);
  const auto signal = entry.Number("signal");
  const auto code = entry.Number("exit_code");
  if (signal) out["exit_code"] = 128 + *signal;
  if (code) out["exit_code"] = *code;
}

void AddFile(const Entry& entry, Json& out) {
  out["file"] = FileAt(entry.Text("path"));
  if (const std::string to = entry.Text("to"); !to.empty()) out["file_result"] = FileAt(to);
}

void AddNetwork(const Entry& entry, Json& out) {
  Json endpoint = Json::object();
  const std::string host = entry.Text("host");
  if (host.empty()) {
    endpoint["ip"] = "127.0.0.1";
  } else {
    endpoint["hostname"] = host;
  }
  for (const char* name : {"port", "host_port"}) {
    if (const auto port = entry.Number(name)) endpoint["port"] = *port;
  }
  out["dst_endpoint"] = std::move(endpoint);
  const auto sent = entry.Number("bytes_to_host");
  const auto got = entry.Number("bytes_from_host");
  if (sent && got) out["traffic"] = {{"bytes_out", *sent}, {"bytes_in", *got}};
}

void AddSubject(Subject subject, const Entry& entry, const std::string& version, Json& out) {
  if (subject == Subject::kProcess || subject == Subject::kFile) {
    out["device"] = {{"type_id", kVirtual}, {"uid", entry.run}, {"name", entry.run}};
    out["actor"] = Actor(entry);
  }
  switch (subject) {
    case Subject::kProcess:
      return AddProcess(entry, out);
    case Subject::kFile:
      return AddFile(entry, out);
    case Subject::kNetwork:
      return AddNetwork(entry, out);
    case Subject::kApplication:
      out["app"] = {
          {"name", "ambit"}, {"vendor_name", "ambit"}, {"version", version}, {"uid", entry.run}};
      return;
    case Subject::kFinding:
      out["finding_info"] = {{"uid", fmt::format("{}/{}", entry.run, entry.sequence)},
                             {"title", Essence(entry)}};
      return;
    case Subject::kNone:
      return;
  }
}

// ---- OTLP

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

std::string OcsfLine(const Entry& entry, const std::string& ambit_version) {
  const Mapping mapping = MappingOf(entry);
  const Class is = Of(mapping.subject);
  const bool refused = event::IsRefused(entry.event);
  Json out = {{"category_uid", is.category},
              {"class_uid", is.uid},
              {"class_name", is.name},
              {"activity_id", mapping.activity},
              {"type_uid", (is.uid * 100) + mapping.activity},
              {"time", entry.time_ns / 1'000'000},
              {"severity_id", refused ? kMedium : kInformational},
              {"message", entry.event + " " + Essence(entry)}};
  if (mapping.activity == kOther) out["activity_name"] = entry.event;
  Json metadata = {
      {"version", kOcsfVersion},
      {"product", {{"name", "ambit"}, {"vendor_name", "ambit"}, {"version", ambit_version}}},
      {"uid", fmt::format("{}/{}", entry.run, entry.sequence)},
      {"sequence", entry.sequence},
      {"event_code", entry.event}};
  if (entry.event == event::kDenial) {
    metadata["profiles"] = {"security_control"};
    out["action_id"] = kDenied;
    out["disposition_id"] = kBlocked;
  }
  out["metadata"] = std::move(metadata);
  AddSubject(mapping.subject, entry, ambit_version, out);
  out["unmapped"] = FieldsOf(entry);
  return AsLine(out);
}

std::unique_ptr<Exporter> MakeOtlpExporter(std::string ambit_version) {
  return std::make_unique<Otlp>(std::move(ambit_version));
}

std::string FieldsAsJson(const Entry& entry) {
  std::string line = AsLine(FieldsOf(entry));
  line.pop_back();
  return line;
}

}  // namespace ambit::journal
