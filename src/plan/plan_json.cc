#include "plan/plan_json.h"

#include <fmt/format.h>

#include <array>
#include <concepts>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "policy/private_names.h"

namespace ambit::plan {
namespace {

/// Written JSON, so that a string cannot be mistaken for one.
struct Json {
  std::string text;
};

Json Of(std::string_view raw) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  const std::string escaped = JsonEscape(raw);
  const bool lossless = escaped.find(kReplacement) == std::string::npos ||
                        raw.find(kReplacement) != std::string_view::npos;
  if (lossless) return {"\"" + escaped + "\""};
  std::string hex;
  for (const char byte : raw) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return {"{\"hex\": \"" + hex + "\"}"};
}
Json Of(const std::string& raw) { return Of(std::string_view(raw)); }
Json Of(const char* raw) { return Of(std::string_view(raw)); }
Json Of(std::same_as<bool> auto value) { return {value ? "true" : "false"}; }
Json Of(std::unsigned_integral auto value)
  requires(!std::same_as<decltype(value), bool>)
{
  return {fmt::format("{}", value)};
}
Json Of(std::signed_integral auto value) { return {fmt::format("{}", value)}; }

Json Octal(mode_t mode) { return {fmt::format("\"{:04o}\"", mode)}; }

using Member = std::pair<const char*, Json>;

Json Object(std::initializer_list<Member> members) {
  std::string text;
  for (const auto& [key, value] : members) {
    text += fmt::format("{}\"{}\": {}", text.empty() ? "" : ", ", key, value.text);
  }
  return {"{" + text + "}"};
}

template <class Range, class Encode>
Json List(const Range& range, Encode encode) {
  std::string text;
  for (const auto& item : range) {
    text += (text.empty() ? "\n  " : ",\n  ") + encode(item).text;
  }
  return {"[" + text + (text.empty() ? "]" : "\n ]")};
}

Json Strings(const std::vector<std::string>& strings) {
  return List(strings, [](const std::string& text) { return Of(text); });
}

Json OfIdentity(const Identity& identity) {
  return Object({{"started_by_root", Of(identity.started_by_root)},
                 {"user_name", Of(identity.user_name)},
                 {"inside_uid", Of(identity.inside_uid)},
                 {"inside_gid", Of(identity.inside_gid)},
                 {"outside_uid", Of(identity.outside_uid)},
                 {"outside_gid", Of(identity.outside_gid)},
                 {"others_base", Of(identity.others_base)},
                 {"disk_uid", Of(identity.disk_uid)},
                 {"disk_gid", Of(identity.disk_gid)},
                 {"egress_uid", Of(identity.egress_uid)}});
}

/// Files made for the run are a line or two; what is longer is a copy of the host's own.
constexpr std::size_t kMostContent = 512;

Json OfEntry(const RootEntry& entry) {
  constexpr std::array kKinds = {"directory", "file", "symlink"};
  const bool whole = entry.content.size() <= kMostContent;
  return Object(
      {{"kind", Of(kKinds.at(std::to_underlying(entry.kind)))},
       {"path", Of(entry.path)},
       {whole ? "content" : "bytes", whole ? Of(entry.content) : Of(entry.content.size())},
       {"mode", Octal(entry.mode)}});
}

Json OfMask(const Mask& mask) {
  return Object({{"path", Of(mask.path)},
                 {"mode", Octal(mask.mode)},
                 {"hidden", Of(mask.hidden)},
                 {"rule", Of(mask.rule)}});
}

Json OfMount(const Mount& mount) {
  constexpr std::array kKinds = {"tmpfs", "bind", "layer",  "home",
                                 "kept",  "proc", "devpts", "denials"};
  return Object({{"kind", Of(kKinds.at(std::to_underlying(mount.kind)))},
                 {"inside", Of(mount.inside)},
                 {"host", Of(mount.host)},
                 {"layer", Of(mount.layer)},
                 {"directory", Of(mount.directory)},
                 {"read_only", Of(mount.read_only)},
                 {"device", Of(mount.device)},
                 {"owned", Of(mount.owned)},
                 {"without_sockets", Of(mount.without_sockets)},
                 {"mode", Octal(mount.mode)},
                 {"masks", List(mount.masks, OfMask)}});
}

Json OfLayer(const Layer& layer) {
  return Object({{"name", Of(layer.name)},
                 {"inside", Of(layer.inside)},
                 {"lower", Of(layer.lower)},
                 {"masks", List(layer.masks, OfMask)}});
}

Json OfKept(const Kept& kept) {
  return Object(
      {{"name", Of(kept.name)}, {"project", Of(kept.project)}, {"place", Of(kept.place)}});
}

Json OfRule(const LandlockRule& rule) {
  return Object({{"inside", Of(rule.inside)}, {"access", Of(std::to_underlying(rule.access))}});
}

Json OfNetRule(const policy::NetRule& rule) {
  return Object({{"rule", Of(policy::TextOf(rule))}, {"from", Of(rule.from)}});
}

Json OfPrivateName(const policy::PrivateName& name) {
  return Object({{"name", Of(policy::TextOf(name))}, {"from", Of(name.from)}});
}

Json OfPublished(const policy::PublishedPort& port) {
  return Object({{"host", Of(port.host)}, {"inside", Of(port.inside)}});
}

Json OfLimit(const Limit& limit) {
  return Object({{"limit", Of(policy::NameOf(limit.kind))},
                 {"value", Of(limit.value)},
                 {"unit", Of(policy::UnitOf(limit.kind))},
                 {"hard", Of(IsHard(limit.means))},
                 {"means", Of(NameOf(limit.means))},
                 {"interval_ms", Of(limit.interval_ms)},
                 {"overshoot", Of(limit.overshoot)},
                 {"from", Of(limit.from)}});
}

Json OfCgroup(host::CgroupKind kind) {
  constexpr std::array kKinds = {"none", "v1", "v2", "systemd"};
  return Of(kKinds.at(std::to_underlying(kind)));
}

}  // namespace

std::string EncodeJson(const LaunchPlan& plan) {
  std::vector<std::string> names;
  for (const std::string& variable : plan.environment) {
    names.push_back(variable.substr(0, variable.find('=')));
  }
  const std::initializer_list<Member> members = {
      {"format", Of(kPlanFormat)},
      {"identity", OfIdentity(plan.identity)},
      {"hostname", Of(plan.hostname)},
      {"cwd", Of(plan.cwd)},
      {"argv", Strings(plan.argv)},
      {"path_entries", Strings(plan.path_entries)},
      {"environment_names", Strings(names)},
      {"root", List(plan.root, OfEntry)},
      {"mounts", List(plan.mounts, OfMount)},
      {"aliases", List(plan.aliases, OfEntry)},
      {"layers", List(plan.layers, OfLayer)},
      {"kept", List(plan.kept, OfKept)},
      {"home_files", List(plan.home_files, OfEntry)},
      {"proc_masked", Strings(plan.proc_masked)},
      {"proc_read_only", Strings(plan.proc_read_only)},
      {"landlock", List(plan.landlock, OfRule)},
      {"limits", List(plan.limits.all, OfLimit)},
      {"cgroup", OfCgroup(plan.limits.cgroup.kind)},
      {"disk_backing", Of(policy::NameOf(plan.limits.disk_backing))},
      {"audit_files", Of(policy::NameOf(plan.audit_files))},
      {"allow", List(plan.network.rules.allow, OfNetRule)},
      {"deny", List(plan.network.rules.deny, OfNetRule)},
      {"ask", Of(plan.network.rules.ask)},
      {"private", List(plan.network.rules.private_names, OfPrivateName)},
      {"proxy", Of(plan.network.proxy ? TextOf(*plan.network.proxy) : "")},
      {"host_ports", List(plan.network.host_ports, [](std::uint16_t port) { return Of(port); })},
      {"publish", List(plan.network.publish, OfPublished)},
      {"capture", Of(policy::NameOf(plan.network.capture))}};
  std::string text;
  for (const auto& [key, value] : members) {
    text += fmt::format("{}\n \"{}\": {}", text.empty() ? "" : ",", key, value.text);
  }
  return "{" + text + "\n}\n";
}

}  // namespace ambit::plan
