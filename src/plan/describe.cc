#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/text.h"
#include "plan/plan.h"

namespace ambit::plan {
namespace {

std::string_view NameOf(Mount::Kind kind) {
  switch (kind) {
    case Mount::Kind::kTmpfs:
      return "tmpfs";
    case Mount::Kind::kBind:
      return "bind";
    case Mount::Kind::kLayer:
      return "layer";
    case Mount::Kind::kHome:
      return "home";
    case Mount::Kind::kKept:
      return "kept";
    case Mount::Kind::kProc:
      return "proc";
    case Mount::Kind::kDevpts:
      return "devpts";
    case Mount::Kind::kDenials:
      return "denials";
  }
  return "?";
}

/// A file of a few lines can be read here; a preset's or a policy's is only known by its size.
std::string ContentOf(const RootEntry& file) {
  constexpr std::size_t kLongest = 256;
  if (file.content.size() > kLongest) return fmt::format("({} bytes)", file.content.size());
  return fmt::format("\"{}\"", Printable(file.content));
}

std::string Line(const RootEntry& entry) {
  switch (entry.kind) {
    case RootEntry::Kind::kDirectory:
      return fmt::format("directory {} {:04o}\n", Printable(entry.path), entry.mode);
    case RootEntry::Kind::kFile:
      return fmt::format("file {} {:04o} {}\n", Printable(entry.path), entry.mode,
                         ContentOf(entry));
    case RootEntry::Kind::kSymlink:
      return fmt::format("symlink {} -> {}\n", Printable(entry.path), Printable(entry.content));
  }
  return {};
}

std::string Line(const Mount& mount, const LaunchPlan& plan) {
  std::string text = fmt::format("mount {} {}", NameOf(mount.kind), Printable(mount.inside));
  if (mount.kind == Mount::Kind::kTmpfs) text += fmt::format(" {:04o}", mount.mode);
  if (mount.kind == Mount::Kind::kLayer) text += " of " + plan.layers[mount.layer].name;
  if (mount.kind == Mount::Kind::kKept) text += " in " + plan.kept[mount.layer].name;
  if (mount.kind == Mount::Kind::kBind) {
    if (mount.host != mount.inside) text += " from " + Printable(mount.host);
    text += mount.directory ? " directory" : " file";
    if (mount.read_only) text += " read-only";
    if (mount.device) text += " device";
    if (mount.owned) text += " owned";
    if (mount.without_sockets) text += " without-sockets";
  }
  return text + '\n';
}

std::string Line(const LandlockRule& rule) {
  using sys::LandlockAccess;
  struct Named {
    LandlockAccess bit;
    const char* name;
  };
  constexpr Named kNames[] = {
      {LandlockAccess::kList, "list"},       {LandlockAccess::kRead, "read"},
      {LandlockAccess::kExecute, "execute"}, {LandlockAccess::kWrite, "write"},
      {LandlockAccess::kChange, "change"},   {LandlockAccess::kDevice, "device"}};
  std::string text = "landlock " + Printable(rule.inside);
  for (const Named& named : kNames) {
    if (sys::Has(rule.access, named.bit)) text += fmt::format(" {}", named.name);
  }
  return text + '\n';
}

std::string Describe(const Identity& identity) {
  std::string text =
      fmt::format("user {} {}:{} inside, {}:{} on the host, {}:{} on disk\n",
                  Printable(identity.user_name), identity.inside_uid, identity.inside_gid,
                  identity.outside_uid, identity.outside_gid, identity.disk_uid, identity.disk_gid);
  if (identity.started_by_root) {
    text += fmt::format("started by root: other owners from {}, egress {}\n", identity.others_base,
                        identity.egress_uid);
  }
  return text;
}

std::string Line(std::string_view layer, const Mask& mask) {
  if (mask.hidden) return fmt::format("hide {} {}\n", layer, Printable(mask.path));
  return fmt::format("mask {} {} {:04o}\n", layer, Printable(mask.path), mask.mode);
}

std::string_view WhereTheyAre(policy::DiskBacking backing) {
  switch (backing) {
    case policy::DiskBacking::kDisk:
      return "the state directory";
    case policy::DiskBacking::kImage:
      return "a file system of the disk limit's size";
    case policy::DiskBacking::kMemory:
      return "memory: lost when the machine or ambit dies before the run ends";
  }
  return "?";
}

}  // namespace

std::string Describe(const LaunchPlan& plan) {
  std::string text = Describe(plan.identity);
  text += fmt::format("hostname {}\ncwd {}\n", plan.hostname, Printable(plan.cwd));
  for (const std::string& word : plan.argv) text += "argument " + Printable(word) + '\n';
  text += DescribeReach(plan.network);
  for (const std::string& dir : plan.path_entries) text += "path " + Printable(dir) + '\n';
  for (const std::string& variable : plan.environment) {
    text += "variable " + Printable(variable.substr(0, variable.find('='))) + '\n';
  }
  for (const RootEntry& entry : plan.root) text += Line(entry);
  for (const Mount& mount : plan.mounts) text += Line(mount, plan);
  for (const Mount& mount : plan.mounts) {
    for (const Mask& mask : mount.masks) text += Line("view", mask);
  }
  for (const RootEntry& file : plan.home_files) text += "home " + Line(file);
  for (const RootEntry& alias : plan.aliases) text += "alias " + Line(alias);
  for (const Layer& layer : plan.layers) {
    text += fmt::format("layer {} {} above {}\n", layer.name, Printable(layer.inside),
                        Printable(layer.lower));
    for (const Mask& mask : layer.masks) text += Line(layer.name, mask);
  }
  for (const std::string& name : plan.proc_masked) text += "proc masked " + name + '\n';
  for (const std::string& name : plan.proc_read_only) text += "proc read-only " + name + '\n';
  for (const LandlockRule& rule : plan.landlock) text += Line(rule);
  for (const Limit& limit : plan.limits.all) {
    text += "limit " + Describe(limit, plan.limits.cgroup) + '\n';
  }
  text += fmt::format("layers and home in {}\n", WhereTheyAre(plan.limits.disk_backing));
  text += fmt::format("audit files {}\n", policy::NameOf(plan.audit_files));
  return text + "network\n" + Describe(plan.network);
}

}  // namespace ambit::plan
