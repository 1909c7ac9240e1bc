#pragma once
// The environment that ambit was started with: copied as far as somebody has a use for it, gone
// while a run lives. Who calls: run, doctor; the command line for a request.
#include <map>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace ambit::supervise {

using Environment = std::map<std::string, std::string>;

/// The launcher's variables that ambit itself or `policy` has a use for; URLs of proxies without
/// their logins (proxy_login.h). All others are overwritten and gone: the processes of a run are
/// forks of this one, and none may hold them.
Environment TakeEnvironment(const policy::Policy& policy);

/// Puts back what ambit itself needs of it, when everything of the run is dead.
void GiveBackEnvironment(const Environment& taken);

/// Whether a variable names the host's proxy, or what goes without it.
bool IsAboutProxies(std::string_view name);

/// Whether the agent may get the launcher's value of `name`.
bool MayCross(std::string_view name, const policy::Policy& policy);

/// Empty when it is not set.
std::string ValueOf(const Environment& environment, const char* name);

}  // namespace ambit::supervise
