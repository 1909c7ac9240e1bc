#pragma once
// Runs ambit in a mount namespace of the test's own, where more is mounted than on the host.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {

/// `set_up` (sh, with the right to mount) and then `command` (sh, as the person, in the project) in
/// a new mount namespace. Root makes it for everybody, as a container's engine does; an ordinary
/// user makes it in a user namespace that maps nobody else.
inline Finished InOwnMounts(const Scratch& person, const std::string& set_up,
                            const std::string& command,
                            const std::vector<std::string>& more_namespaces = {},
                            std::chrono::seconds limit = std::chrono::seconds(60)) {
  std::vector<std::string> argv = {"unshare", "--mount", "--propagation", "private"};
  argv.insert(argv.end(), more_namespaces.begin(), more_namespaces.end());
  if (::geteuid() != 0) {
    argv.insert(argv.end(), {"--user", "--map-current-user", "--keep-caps", "sh", "-ec",
                             set_up + "\nexec setpriv --inh-caps=-all --ambient-caps=-all sh -c "
                                      "\"$1\"",
                             "sh", command});
    return person.Execute(std::move(argv), {}, {}, limit);
  }
  struct stat owner{};
  ::stat(person.root().c_str(), &owner);
  argv.insert(argv.end(), {"sh", "-ec",
                           set_up + fmt::format("\nexec setpriv --reuid {} --regid {} "
                                                "--clear-groups sh -c \"$1\"",
                                                owner.st_uid, owner.st_gid),
                           "sh", command});
  return Scratch(Who::kRoot)
      .Execute(std::move(argv), person.project(), {{"HOME", person.home()}}, limit);
}

}  // namespace ambit::testing
