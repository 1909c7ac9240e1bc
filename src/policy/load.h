#pragma once
// From the texts of all sources to one policy: read, add presets, write paths out, merge. The one
// place that knows the order of claims: presets, the user's own file, the project's, files named
// with --policy, flags; and the managed policy around them.
// Who calls: cli, which reads the files. Pure but for `Host`.
// Every mistake is told; a policy with one is not used.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "policy/document.h"
#include "policy/merge.h"
#include "policy/registries.h"

namespace ambit::policy {

struct Source {
  SourceKind source = SourceKind::kUser;
  std::string name;  // what its mistakes are told with
  std::string text;
  bool trusted = true;
  std::string base;  // what relative paths are relative to
  /// Of a project around the one of the run: what it gives, and says of its files, is not meant.
  bool around = false;
};

struct LoadRequest {
  std::vector<Source> files;  // weakest claim first, without the managed one
  std::optional<Source> managed;
  Document flags;
  std::string command;  // its basename chooses a preset; empty: none is chosen
  /// --no-net: nobody's names hold. Ports of the host are no names.
  bool without_names = false;
  std::string home;
  /// What `~` is in the managed file, which bounds whoever can set $HOME. Empty: unknown, and then
  /// `~` there is a mistake.
  std::string managed_home;
};

/// What a person may want to hear of a registry.
struct RegistryNote {
  std::string text;
  /// Set: it listens on this machine; nothing to tell once that port is open.
  std::optional<std::uint16_t> host_port = std::nullopt;
};

/// What an ecosystem of a preset (`registries`) comes to on this machine.
struct PackageHosts {
  std::vector<Item> allow;  // for net.allow
  std::vector<Item> set;    // for env.set: where the tools find them
  std::vector<RegistryNote> notes;
};

/// What is asked of the machine.
struct Host {
  RealPath real;
  std::function<bool(const std::string& path)> exists;
  std::function<PackageHosts(Ecosystem ecosystem)> registries = {};  // none: they have no hosts
};

struct Loaded {
  Merged merged;
  std::vector<std::string> presets;  // in the order they were added
  std::string command_preset;        // the one the command chose; empty: none
  std::vector<std::string> absent;   // paths of presets that are not on this machine
  std::vector<std::string> notes;    // of registries that a preset has
  std::vector<Mistake> mistakes;
};

Loaded Load(const LoadRequest& request, const Host& host);

}  // namespace ambit::policy
