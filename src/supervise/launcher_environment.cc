#include "supervise/launcher_environment.h"

#include <stdlib.h>

#include <algorithm>
#include <array>

#include "host/facts.h"
#include "plan/plan.h"
#include "plan/proxy.h"
#include "supervise/certificates.h"
#include "supervise/proxy_login.h"
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

bool IsAboutProxies(std::string_view name) {
  return std::ranges::find(plan::kProxyVariables, name) != std::end(plan::kProxyVariables) ||
         std::ranges::find(plan::kNoProxyVariables, name) != std::end(plan::kNoProxyVariables);
}

Environment TakeEnvironment(const policy::Policy& policy) {
  (void)TakeProxyLogin();
  Environment taken = host::ReadEnvironment([&](std::string_view name) {
    return IsForAmbit(name) || IsAboutProxies(name) || IsAboutCertificates(name) ||
           MayCross(name, policy);
  });
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
