// meta.json: the only file that knows the JSON library (run_store.h).
#include <fmt/format.h>

#include <charconv>
#include <concepts>
#include <limits>

#include <nlohmann/json.hpp>

#include "workspace/run_store.h"

namespace ambit::workspace {
namespace {

using nlohmann::json;

bool IsUtf8(const std::string& text) {
  // The library's own idea of UTF-8 decides, because it is the one that reads the file back.
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    quoted += byte < 0x20 || c == '"' || c == '\\' ? ' ' : c;
  }
  return json::accept(quoted + "\"");
}

json Text(const std::string& text) {
  if (IsUtf8(text)) return text;
  std::string hex;
  for (const char c : text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return json{{"hex", hex}};
}

std::unexpected<Error> Bad(std::string_view key) {
  return Fail(Errc::kInvalidArgument, fmt::format("run record: bad or missing '{}'", key));
}

/// Member `key` of an object, or null.
const json& Member(const json& object, const char* key) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto it = object.find(key);
  return it == object.end() ? kNothing : *it;
}

Result<std::string> TextOf(const json& value, std::string_view key) {
  if (value.is_string()) return value.get_ref<const std::string&>();
  const json& hex = Member(value, "hex");
  if (!hex.is_string()) return Bad(key);
  const auto& digits = hex.get_ref<const std::string&>();
  if (digits.size() % 2 != 0) return Bad(key);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    unsigned byte = 0;
    const char* begin = digits.data() + i;
    const auto [end, err] = std::from_chars(begin, begin + 2, byte, 16);
    if (err != std::errc() || end != begin + 2) return Bad(key);
    out += static_cast<char>(byte);
  }
  return out;
}

Status Read(const json& object, const char* key, std::string& out) {
  AMBIT_TRY(out, TextOf(Member(object, key), key));
  return {};
}

Status Read(const json& object, const char* key, bool& out) {
  const json& value = Member(object, key);
  if (!value.is_boolean()) return Bad(key);
  out = value.get<bool>();
  return {};
}

template <std::integral T>
Status Read(const json& object, const char* key, T& out) {
  const json& value = Member(object, key);
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (!std::in_range<T>(number)) return Bad(key);
    out = static_cast<T>(number);
    return {};
  }
  if (!value.is_number_integer()) return Bad(key);
  const auto number = value.get<std::int64_t>();
  if (!std::in_range<T>(number)) return Bad(key);
  out = static_cast<T>(number);
  return {};
}

Status ReadArgv(const json& object, std::vector<std::string>& out) {
  const json& list = Member(object, "argv");
  if (!list.is_array()) return Bad("argv");
  for (const json& value : list) {
    AMBIT_TRY(std::string text, TextOf(value, "argv"));
    out.push_back(std::move(text));
  }
  return {};
}

Status ReadLayers(const json& object, std::vector<RunLayer>& out) {
  const json& list = Member(object, "layers");
  if (!list.is_array()) return Bad("layers");
  for (const json& value : list) {
    RunLayer layer;
    AMBIT_CHECK(Read(value, "name", layer.name));
    AMBIT_CHECK(Read(value, "target", layer.target));
    AMBIT_CHECK(Read(value, "lower", layer.lower));
    AMBIT_CHECK(Read(value, "upper", layer.upper));
    AMBIT_CHECK(Read(value, "work", layer.work));
    if (!Member(value, "mask").is_null()) AMBIT_CHECK(Read(value, "mask", layer.mask));
    if (!Member(value, "stamp_ns").is_null()) {
      AMBIT_CHECK(Read(value, "lower_device", layer.lower_device));
      AMBIT_CHECK(Read(value, "lower_inode", layer.lower_inode));
      AMBIT_CHECK(Read(value, "stamp_ns", layer.stamp_ns));
    }
    out.push_back(std::move(layer));
  }
  return {};
}

Status ReadFlavour(const json& object, OverlayFlavour& out) {
  std::string text;
  AMBIT_CHECK(Read(object, "overlay", text));
  if (text != "user.overlay" && text != "trusted.overlay") return Bad("overlay");
  out = text == "user.overlay" ? OverlayFlavour::kUser : OverlayFlavour::kTrusted;
  return {};
}

}  // namespace

OverlayLayer OnDisk(const RunMeta& meta, const RunLayer& layer, const std::string& run_path) {
  return {.lower = layer.lower,
          .upper = run_path + "/" + layer.upper,
          .mask = layer.mask.empty() ? std::string() : run_path + "/" + layer.mask,
          .flavour = meta.flavour,
          .redirect_dir = meta.redirect_dir,
          .at_rest = !IsAlive(meta)};
}

std::string EncodeMeta(const RunMeta& meta) {
  json out;
  out["format"] = RunMeta::kFormat;
  out["id"] = Text(meta.id);
  out["project"] = Text(meta.project);
  out["cwd"] = Text(meta.cwd);
  out["argv"] = json::array();
  for (const std::string& arg : meta.argv) out["argv"].push_back(Text(arg));
  out["started_ns"] = meta.started_ns;
  if (meta.finished_ns) out["finished_ns"] = *meta.finished_ns;
  out["supervisor_pid"] = meta.supervisor_pid;
  out["supervisor_start"] = meta.supervisor_start;
  out["boot_id"] = Text(meta.boot_id);
  if (meta.init_pid != 0) {
    out["init_pid"] = meta.init_pid;
    out["init_start"] = meta.init_start;
  }
  if (meta.clock_offset_ns) out["clock_offset_ns"] = *meta.clock_offset_ns;
  if (!meta.head_commit.empty()) out["head_commit"] = Text(meta.head_commit);
  out["user_kind"] = Text(meta.user_kind);
  out["overlay"] = meta.flavour == OverlayFlavour::kUser ? "user.overlay" : "trusted.overlay";
  out["redirect_dir"] = meta.redirect_dir;
  out["layers"] = json::array();
  for (const RunLayer& layer : meta.layers) {
    out["layers"].push_back({{"name", Text(layer.name)},
                             {"target", Text(layer.target)},
                             {"lower", Text(layer.lower)},
                             {"upper", Text(layer.upper)},
                             {"work", Text(layer.work)},
                             {"mask", Text(layer.mask)},
                             {"lower_device", layer.lower_device},
                             {"lower_inode", layer.lower_inode},
                             {"stamp_ns", layer.stamp_ns}});
  }
  if (meta.outcome) {
    out["outcome"] = {{"cause", Text(meta.outcome->cause)}, {"exit_code", meta.outcome->exit_code}};
  }
  if (meta.used) {
    out["used"] = {{"cpu_ms", meta.used->cpu_ms},
                   {"memory_peak", meta.used->memory_peak},
                   {"processes_peak", meta.used->processes_peak},
                   {"disk_bytes", meta.used->disk_bytes},
                   {"net_out_bytes", meta.used->net_out_bytes}};
  }
  if (meta.direct) out["direct"] = true;
  if (meta.keep) out["keep"] = true;
  if (!meta.disk_backing.empty()) out["disk_backing"] = meta.disk_backing;
  if (meta.sealed) out["sealed"] = true;
  if (!meta.auto_exec.empty()) out["auto_exec"] = meta.auto_exec;
  for (const policy::PublishedPort& port : meta.published) {
    out["published"].push_back({{"host", port.host}, {"inside", port.inside}});
  }
  out["ambit_version"] = Text(meta.ambit_version);
  return out.dump(1) + "\n";
}

Result<RunMeta> DecodeMeta(std::string_view bytes) {
  // Our own file is flat. A depth bound keeps hostile nesting from exhausting the stack when the
  // parsed value is destroyed.
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= 8; };
  const json in = json::parse(bytes, shallow, /*allow_exceptions=*/false);
  if (!in.is_object()) return Fail(Errc::kInvalidArgument, "run record: not a JSON object");
  int format = 0;
  AMBIT_CHECK(Read(in, "format", format));
  if (format != RunMeta::kFormat) {
    return Fail(Errc::kUnsupported, fmt::format("run record: format {} is not known", format));
  }
  RunMeta meta;
  AMBIT_CHECK(Read(in, "id", meta.id));
  AMBIT_CHECK(Read(in, "project", meta.project));
  AMBIT_CHECK(Read(in, "cwd", meta.cwd));
  AMBIT_CHECK(ReadArgv(in, meta.argv));
  AMBIT_CHECK(Read(in, "started_ns", meta.started_ns));
  if (!Member(in, "finished_ns").is_null()) {
    AMBIT_CHECK(Read(in, "finished_ns", meta.finished_ns.emplace()));
  }
  AMBIT_CHECK(Read(in, "supervisor_pid", meta.supervisor_pid));
  AMBIT_CHECK(Read(in, "supervisor_start", meta.supervisor_start));
  AMBIT_CHECK(Read(in, "boot_id", meta.boot_id));
  if (!Member(in, "init_pid").is_null()) {
    AMBIT_CHECK(Read(in, "init_pid", meta.init_pid));
    AMBIT_CHECK(Read(in, "init_start", meta.init_start));
  }
  if (!Member(in, "clock_offset_ns").is_null()) {
    AMBIT_CHECK(Read(in, "clock_offset_ns", meta.clock_offset_ns.emplace()));
  }
  if (!Member(in, "head_commit").is_null()) {
    AMBIT_CHECK(Read(in, "head_commit", meta.head_commit));
  }
  AMBIT_CHECK(Read(in, "user_kind", meta.user_kind));
  AMBIT_CHECK(ReadFlavour(in, meta.flavour));
  AMBIT_CHECK(Read(in, "redirect_dir", meta.redirect_dir));
  AMBIT_CHECK(ReadLayers(in, meta.layers));
  if (const json& outcome = Member(in, "outcome"); !outcome.is_null()) {
    meta.outcome.emplace();
    AMBIT_CHECK(Read(outcome, "cause", meta.outcome->cause));
    AMBIT_CHECK(Read(outcome, "exit_code", meta.outcome->exit_code));
  }
  if (const json& used = Member(in, "used"); !used.is_null()) {
    meta.used.emplace();
    AMBIT_CHECK(Read(used, "cpu_ms", meta.used->cpu_ms));
    AMBIT_CHECK(Read(used, "memory_peak", meta.used->memory_peak));
    AMBIT_CHECK(Read(used, "processes_peak", meta.used->processes_peak));
    AMBIT_CHECK(Read(used, "disk_bytes", meta.used->disk_bytes));
    // Runs of before it was counted have none.
    if (!Member(used, "net_out_bytes").is_null()) {
      AMBIT_CHECK(Read(used, "net_out_bytes", meta.used->net_out_bytes));
    }
  }
  if (!Member(in, "direct").is_null()) AMBIT_CHECK(Read(in, "direct", meta.direct));
  if (!Member(in, "keep").is_null()) AMBIT_CHECK(Read(in, "keep", meta.keep));
  if (!Member(in, "disk_backing").is_null()) {
    AMBIT_CHECK(Read(in, "disk_backing", meta.disk_backing));
  }
  if (!Member(in, "sealed").is_null()) AMBIT_CHECK(Read(in, "sealed", meta.sealed));
  if (!Member(in, "auto_exec").is_null()) AMBIT_CHECK(Read(in, "auto_exec", meta.auto_exec));
  for (const json& port : Member(in, "published")) {
    policy::PublishedPort& read = meta.published.emplace_back();
    AMBIT_CHECK(Read(port, "host", read.host));
    AMBIT_CHECK(Read(port, "inside", read.inside));
  }
  AMBIT_CHECK(Read(in, "ambit_version", meta.ambit_version));
  return meta;
}

}  // namespace ambit::workspace
