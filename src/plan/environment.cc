#include "plan/environment.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "plan/plan.h"

namespace ambit::plan {
namespace {

/// Visible with content of the host's: a bind or a layer. /tmp, the home and the like are empty.
bool ExistsInside(std::string_view dir, const std::vector<Mount>& mounts,
                  const host::HostFacts& facts) {
  const auto below = [&](std::string_view ancestor) {
    return dir.starts_with(ancestor) &&
           (dir.size() == ancestor.size() || dir[ancestor.size()] == '/');
  };
  for (const host::SystemPath& entry : facts.system) {
    if (entry.link_target && below(entry.path)) return true;
  }
  // Programs that are shown one by one: as files, or as links to what is shown. A directory below a
  // link is in what the link leads to.
  const auto holds = [&](std::string_view path) { return path.substr(0, path.rfind('/')) == dir; };
  const auto leads = [&](std::string_view link) { return holds(link) || below(link); };
  if (std::ranges::any_of(facts.aliases, leads, &host::SystemPath::path)) return true;
  return std::ranges::any_of(mounts, [&](const Mount& mount) {
    if (mount.kind != Mount::Kind::kBind && mount.kind != Mount::Kind::kLayer) return false;
    return mount.directory ? below(mount.inside) : holds(mount.inside);
  });
}

}  // namespace

bool IsBaseEnvironment(std::string_view name) {
  constexpr std::array<std::string_view, 5> kPassed = {"TERM", "COLORTERM", "LANG", "TZ",
                                                       "NO_COLOR"};
  return name.starts_with("LC_") || std::ranges::find(kPassed, name) != kPassed.end();
}

std::vector<std::string> MakePathEntries(const host::HostFacts& facts,
                                         const std::vector<Mount>& mounts) {
  std::vector<std::string> entries;
  const auto add = [&](std::string_view dir) {
    if (dir.empty() || dir[0] != '/' || dir.find("/../") != std::string_view::npos) return;
    if (!ExistsInside(dir, mounts, facts)) return;
    if (std::ranges::find(entries, dir) == entries.end()) entries.emplace_back(dir);
  };
  if (const auto host_path = facts.environment.find("PATH"); host_path != facts.environment.end()) {
    std::string_view rest = host_path->second;
    while (!rest.empty()) {
      const std::string_view dir = rest.substr(0, rest.find(':'));
      add(dir);
      rest.remove_prefix(std::min(rest.size(), dir.size() + 1));
    }
  }
  for (const char* dir :
       {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    add(dir);
  }
  return entries;
}

std::vector<std::string> MakeEnvironment(const policy::Policy& policy, const host::HostFacts& facts,
                                         const Identity& identity,
                                         const std::vector<std::string>& path_entries) {
  std::map<std::string, std::string> variables;
  for (const auto& [name, value] : facts.environment) {
    if (IsBaseEnvironment(name)) variables[name] = value;
  }
  std::string path;
  for (const std::string& dir : path_entries) path += (path.empty() ? "" : ":") + dir;
  variables["PATH"] = path;
  variables["HOME"] = facts.person.home;
  variables["USER"] = identity.user_name;
  variables["LOGNAME"] = identity.user_name;
  variables["SHELL"] = facts.person.shell;
  for (const policy::EnvironmentRule& rule : policy.environment) {
    if (rule.value) {
      variables[rule.name] = *rule.value;
    } else if (const auto found = facts.environment.find(rule.name);
               found != facts.environment.end()) {
      variables[rule.name] = found->second;
    }
  }
  variables["AMBIT"] = "1";
  std::vector<std::string> out;
  out.reserve(variables.size());
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

}  // namespace ambit::plan
