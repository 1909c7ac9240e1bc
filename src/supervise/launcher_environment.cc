#include "supervise/launcher_environment.h"

#include <stdlib.h>

#include <algorithm>
#include <array>

#include "host/facts.h"
#include "plan/plan.h"
#include "sys/process.h"

namespace ambit::supervise {
namespace {

/// Variables that say where things of the person are, for ambit itself.
constexpr std::array<std::string_view, 5> kForAmbit = {"HOME", "PATH", "PWD", "XDG_CONFIG_HOME",
                                                       "XDG_STATE_HOME"};

bool IsForAmbit(std::string_view name) {
  return std::ranges::find(kForAmbit, name) != kForAmbit.end();
}

}  // namespace

Environment TakeEnvironment(const policy::Policy& policy) {
  Environment taken = host::ReadEnvironment(
      [&](std::string_view name) { return IsForAmbit(name) || MayCross(name, policy); });
  sys::ScrubEnvironment();
  return taken;
}

void GiveBackEnvironment(const Environment& taken) {
  for (const auto& [name, value] : taken) {
    if (IsForAmbit(name) || plan::IsBaseEnvironment(name)) {
      ::setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
    }
  }
}

bool MayCross(std::string_view name, const policy::Policy& policy) {
  return name == "PATH" || plan::IsBaseEnvironment(name) ||
         std::ranges::any_of(policy.environment, [&](const policy::EnvironmentRule& rule) {
           return rule.name == name && !rule.value;
         });
}

std::string ValueOf(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found != environment.end() ? found->second : "";
}

}  // namespace ambit::supervise
