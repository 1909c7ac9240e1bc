#pragma once
// Runs ambit in a mount namespace of the test's own, where more is mounted than on the host.
#include <string>

#include "support/run_ambit.h"

namespace ambit::testing {

/// `set_up` (sh, with the right to mount) and then `command` (sh, as the person) in a new mount
/// namespace; an ordinary user makes it in a user namespace that maps only itself.
inline Finished InOwnMounts(const Scratch& person, const std::string& set_up,
                            const std::string& command) {
  std::vector<std::string> argv = {"unshare", "--mount", "--propagation", "private"};
  if (person.who() == Who::kUser) {
    for (const char* flag : {"--user", "--map-current-user", "--keep-caps"}) {
      argv.emplace_back(flag);
    }
  }
  const std::string drop =
      person.who() == Who::kUser ? "setpriv --inh-caps=-all --ambient-caps=-all " : "";
  argv.insert(argv.end(), {"sh", "-ec", set_up + "\nexec " + drop + "sh -c \"$1\"", "sh", command});
  return person.Execute(std::move(argv));
}

}  // namespace ambit::testing
