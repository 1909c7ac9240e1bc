#include "cli/shell_inside.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/path.h"
#include "host/facts.h"

namespace ambit::cli {
std::string ShellInside(std::span<const policy::NamedPath> shown) {
  std::vector<std::string> visible;
  for (const host::SystemPath& system : host::ReadSystemPaths()) {
    if (!system.link_target) visible.push_back(system.path);
  }
  for (const policy::NamedPath& named : shown) {
    if (auto real = host::RealPath(named.path)) visible.push_back(*std::move(real));
  }
  std::vector<std::string> candidates;
  if (const char* shell = ::getenv("SHELL")) candidates.emplace_back(shell);
  if (const auto person = host::ReadPerson()) candidates.push_back(person->shell);
  candidates.emplace_back("/bin/bash");
  for (const std::string& shell : candidates) {
    const auto real = host::RealPath(shell);
    if (!shell.starts_with('/') || !real || ::access(real->c_str(), X_OK) != 0) continue;
    if (std::ranges::any_of(visible, [&](const std::string& dir) { return IsBelow(*real, dir); })) {
      return shell;
    }
  }
  return "/bin/sh";
}

}  // namespace ambit::cli
