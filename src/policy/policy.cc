#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"

namespace ambit::policy {
namespace {

bool IsEnvironmentName(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::ranges::all_of(name, is_word);
}

/// Normal form: absolute, no empty, `.` or `..` component, no trailing slash.
bool IsNormalPath(std::string_view path) {
  if (path.size() < 2 || path[0] != '/' || path.back() == '/') return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

Status CheckPaths(const std::vector<NamedPath>& paths) {
  // Mounting these would replace what ambit itself puts there.
  constexpr std::array<std::string_view, 4> kOwn = {"/proc", "/sys", "/dev", "/etc"};
  for (const auto& [path, from] : paths) {
    if (path == "/") {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("{} '/': a run never shows the whole file system", from),
                  "name the directories it needs");
    }
    if (!IsNormalPath(path)) {
      return Fail(
          Errc::kInvalidArgument,
          fmt::format("{} '{}': not an absolute path without . and ..", from, Printable(path)));
    }
    for (std::string_view own : kOwn) {
      if (path == own || path.starts_with(std::string(own) + "/")) {
        return Fail(Errc::kInvalidArgument, fmt::format("{} '{}': {} is made by ambit for each run",
                                                        from, Printable(path), own));
      }
    }
  }
  return {};
}

}  // namespace

Status Validate(const Policy& policy) {
  AMBIT_CHECK(CheckPaths(policy.read_only));
  AMBIT_CHECK(CheckPaths(policy.copy_on_write));
  for (const EnvironmentRule& rule : policy.environment) {
    if (!IsEnvironmentName(rule.name)) {
      return Fail(Errc::kInvalidArgument,
                  fmt::format("--env '{}': not a variable name", Printable(rule.name)));
    }
  }
  for (std::uint16_t port : policy.host_ports) {
    if (port == 0) return Fail(Errc::kInvalidArgument, "--host-port 0: not a port");
  }
  return {};
}

}  // namespace ambit::policy
