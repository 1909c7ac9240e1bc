#pragma once
// Repositories that are not called `.git`: bare ones, and directories that become one when a last
// piece arrives. git obeys their settings and hooks as soon as somebody enters them and types git.
// And what the host's own git obeys by its configuration (gate_host_git.h).
// Source: gitrepository-layout(5), and git's own test of a directory: HEAD beside objects and refs,
// or beside a commondir that says where these are.
// Who calls: apply, branch and diff, each with its idea of which paths exist.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "review/gate.h"
#include "review/gate_host_git.h"

namespace ambit::review {

class GitDirectories {
 public:
  /// Whether something is, or will be, at a path of the project.
  using Exists = std::function<bool(const std::string& path)>;
  explicit GitDirectories(Exists exists, HostGit host = {})
      : exists_(std::move(exists)), host_(std::move(host)) {}

  bool Is(std::string_view directory);

  /// Whether all that lies in `directory` is held for its sake.
  bool HoldsAllOf(std::string_view directory) {
    return host_.HoldsAllOf(directory) || Is(directory);
  }

  /// kHeld for what lies in such a directory or what the host's git obeys, kOpen for everything
  /// else.
  GateDecision GateOf(std::string_view path, bool is_directory = false);

 private:
  Exists exists_;
  HostGit host_;
  std::map<std::string, bool, std::less<>> known_;
};

}  // namespace ambit::review
