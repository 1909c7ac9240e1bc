#pragma once
// Where the tools of an ecosystem fetch packages from, as their own settings on this machine say:
// the person's files and variables and those of the machine, never the project's, which anybody may
// have written. A file that lies in the project, behind a link, is not read either. Where none of
// the ecosystem's tools names a registry, the one that they themselves go to then.
// Who calls: cli, for the presets that name an ecosystem. Reads a few small files. No errors: what
// cannot be read is told, and gives nothing.
#include <functional>
#include <string>

#include "policy/load.h"
#include "policy/registries.h"

namespace ambit::host {

struct RegistryPlaces {
  std::string home;                                       // absolute
  std::string project;                                    // its root, a real path
  std::function<std::string(const char* name)> variable;  // of the launcher; empty: not set
  std::string machine = {};  // before /etc and the like: a test's own machine
};

policy::PackageHosts FindRegistries(policy::Ecosystem ecosystem, const RegistryPlaces& places);

}  // namespace ambit::host
