#pragma once
// Repositories that are not called `.git`: bare ones, and directories that become one when a last
// piece arrives. git obeys their settings and hooks as soon as somebody enters them and types git.
// Source: gitrepository-layout(5), and git's own test of a directory: HEAD beside objects and refs,
// or beside a commondir that says where these are.
// Who calls: apply, branch and diff, each with its idea of which paths exist.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "review/gate.h"

namespace ambit::review {

class GitDirectories {
 public:
  /// Whether something is, or will be, at a path of the project.
  using Exists = std::function<bool(const std::string& path)>;
  explicit GitDirectories(Exists exists) : exists_(std::move(exists)) {}

  bool Is(std::string_view directory);

  /// kHeld for what lies in such a directory, kOpen for everything else.
  GateDecision GateOf(std::string_view path);

 private:
  Exists exists_;
  std::map<std::string, bool, std::less<>> known_;
};

}  // namespace ambit::review
