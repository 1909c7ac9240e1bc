#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "plan/plan_json.h"
#include "policy/private_names.h"

namespace ambit::plan {
namespace {

using Json = nlohmann::json;

/// A text, also one that is not UTF-8: {"hex": "..."}.
std::string TextOf(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (!json.is_object() || !json.contains("hex") || !json["hex"].is_string()) return {};
  const auto hex = json["hex"].get<std::string>();
  std::string text;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    text += static_cast<char>((digit(hex[i]) << 4) | digit(hex[i + 1]));
  }
  return text;
}

std::string Text(const Json& object, const char* name) {
  return object.contains(name) ? TextOf(object[name]) : std::string();
}

bool Flag(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_boolean() && object[name].get<bool>();
}

/// The elements of a list; none when there is no such list.
const Json& List(const Json& object, const char* name) {
  static const Json kNone = Json::array();
  return object.contains(name) && object[name].is_array() ? object[name] : kNone;
}

std::optional<Mount::Kind> KindOf(const std::string& name) {
  using Kind = Mount::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 8> kKinds = {
      {{"tmpfs", Kind::kTmpfs},
       {"bind", Kind::kBind},
       {"layer", Kind::kLayer},
       {"home", Kind::kHome},
       {"kept", Kind::kKept},
       {"proc", Kind::kProc},
       {"devpts", Kind::kDevpts},
       {"denials", Kind::kDenials}}};
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

std::vector<Mask> MasksOf(const Json& object) {
  std::vector<Mask> masks;
  for (const Json& mask : List(object, "masks")) {
    masks.push_back({.path = Text(mask, "path"),
                     .content = {},
                     .hidden = Flag(mask, "hidden"),
                     .rule = Text(mask, "rule")});
  }
  return masks;
}

std::optional<Mount> MountOf(const Json& json) {
  const auto kind = KindOf(Text(json, "kind"));
  if (!kind || !json.contains("layer") || !json["layer"].is_number_unsigned()) return std::nullopt;
  return Mount{.kind = *kind,
               .inside = Text(json, "inside"),
               .host = Text(json, "host"),
               .layer = json["layer"].get<std::size_t>(),
               .directory = Flag(json, "directory"),
               .read_only = Flag(json, "read_only"),
               .device = Flag(json, "device"),
               .without_sockets = Flag(json, "without_sockets"),
               .owned = Flag(json, "owned"),
               .masks = MasksOf(json)};
}

std::optional<Means> MeansNamed(std::string_view name) {
  for (auto means = Means::kCgroup; means <= Means::kSampled;
       means = static_cast<Means>(std::to_underlying(means) + 1)) {
    if (NameOf(means) == name) return means;
  }
  return std::nullopt;
}

/// A limit of a kind that this ambit does not know is left out.
std::optional<Limit> LimitOf(const Json& json) {
  const auto kind = policy::LimitNamed(Text(json, "limit"));
  const auto means = MeansNamed(Text(json, "means"));
  if (!kind || !means || !json.contains("value") || !json["value"].is_number_unsigned()) {
    return std::nullopt;
  }
  Limit limit{.kind = *kind,
              .value = json["value"].get<std::uint64_t>(),
              .means = *means,
              .interval_ms = 0,
              .overshoot = Text(json, "overshoot"),
              .from = Text(json, "from")};
  if (json.contains("interval_ms") && json["interval_ms"].is_number_unsigned()) {
    limit.interval_ms = json["interval_ms"].get<std::uint32_t>();
  }
  return limit;
}

std::vector<policy::NetRule> NetRulesOf(const Json& object, const char* name) {
  std::vector<policy::NetRule> rules;
  for (const Json& json : List(object, name)) {
    auto rule = policy::ParseNetRule(Text(json, "rule"), Text(json, "from"));
    if (rule) rules.push_back(*std::move(rule));
  }
  return rules;
}

std::vector<policy::PrivateName> PrivateNamesOf(const Json& object, const char* list) {
  std::vector<policy::PrivateName> names;
  for (const Json& json : List(object, list)) {
    auto name = policy::ParsePrivateName(Text(json, "name"), Text(json, "from"));
    if (name) names.push_back(*std::move(name));
  }
  return names;
}

std::optional<std::uint16_t> PortOf(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) return std::nullopt;
  const Json& port = object[name];
  if (!port.is_number_unsigned() || port.get<std::uint64_t>() > UINT16_MAX) return std::nullopt;
  return port.get<std::uint16_t>();
}

/// An older ambit says nothing.
policy::Capture CaptureNamed(std::string_view name) {
  for (const auto capture :
       {policy::Capture::kTproxy, policy::Capture::kRedirect, policy::Capture::kPorts}) {
    if (policy::NameOf(capture) == name) return capture;
  }
  return policy::Capture::kAuto;
}

std::vector<std::string> Texts(const Json& object, const char* name) {
  std::vector<std::string> texts;
  for (const Json& text : List(object, name)) texts.push_back(TextOf(text));
  return texts;
}

}  // namespace

Result<LaunchPlan> DecodeJson(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("format") || json["format"] != kPlanFormat) {
    return Fail(Errc::kInvalidArgument, "it is no plan that this ambit knows");
  }
  LaunchPlan plan;
  plan.cwd = Text(json, "cwd");
  plan.argv = Texts(json, "argv");
  plan.proc_masked = Texts(json, "proc_masked");
  plan.proc_read_only = Texts(json, "proc_read_only");
  for (const Json& entry : List(json, "root")) {
    plan.root.push_back({.path = Text(entry, "path"), .content = {}});
  }
  for (const Json& layer : List(json, "layers")) {
    plan.layers.push_back({.name = Text(layer, "name"),
                           .inside = Text(layer, "inside"),
                           .lower = Text(layer, "lower"),
                           .lower_id = std::nullopt,
                           .masks = MasksOf(layer)});
  }
  for (const Json& entry : List(json, "mounts")) {
    std::optional<Mount> mount = MountOf(entry);
    if (!mount || (mount->kind == Mount::Kind::kLayer && mount->layer >= plan.layers.size())) {
      return Fail(Errc::kInvalidArgument, "it has a mount that this ambit does not know");
    }
    plan.mounts.push_back(*std::move(mount));
  }
  for (const Json& port : List(json, "host_ports")) {
    if (port.is_number_unsigned() && port.get<std::uint64_t>() <= UINT16_MAX) {
      plan.network.host_ports.push_back(port.get<std::uint16_t>());
    }
  }
  for (const Json& port : List(json, "publish")) {
    const auto host = PortOf(port, "host");
    const auto inside = PortOf(port, "inside");
    if (host && inside) plan.network.publish.push_back({.host = *host, .inside = *inside});
  }
  plan.network.capture = CaptureNamed(Text(json, "capture"));
  plan.network.rules = {.allow = NetRulesOf(json, "allow"),
                        .deny = NetRulesOf(json, "deny"),
                        .private_names = PrivateNamesOf(json, "private")};
  plan.network.rules.ask = Flag(json, "ask");
  for (const Json& entry : List(json, "limits")) {
    if (auto limit = LimitOf(entry)) plan.limits.all.push_back(*std::move(limit));
  }
  return plan;
}

}  // namespace ambit::plan
