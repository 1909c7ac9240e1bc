#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "policy/values.h"

namespace ambit::policy {
namespace {

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
    if (!IsVariableName(rule.name)) {
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
