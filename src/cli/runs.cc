#include "cli/runs.h"

#include <fmt/format.h>
#include <stdlib.h>

namespace ambit::cli {

Result<workspace::RunStore> OpenStore(const host::Person& person) {
  const char* state_home = ::getenv("XDG_STATE_HOME");
  Result<workspace::RunStore> store = workspace::RunStore::Open(
      workspace::RunStore::DefaultRoot(person.own_home, state_home != nullptr ? state_home : ""),
      /*create=*/false);
  if (!store && store.error().code == Errc::kNotFound) {
    return Fail(Errc::kNotFound, "there is no run yet", "start one with 'ambit run -- COMMAND'");
  }
  return store;
}

Result<workspace::RunMeta> FindRun(const workspace::RunStore& store, const host::Person& person,
                                   const std::string& name) {
  if (name.empty()) {
    AMBIT_TRY(const std::string here, host::RealPath("."));
    AMBIT_TRY(const host::Project project,
              host::FindProject(here, /*explicit_root=*/false, person, store.root()));
    return store.NewestOf(project.root);
  }
  AMBIT_TRY(const workspace::RunDir dir, store.OpenRun(name));
  return workspace::RunStore::ReadMeta(dir);
}

Result<workspace::OverlayLayer> ProjectLayerOf(const workspace::RunStore& store,
                                               const workspace::RunMeta& meta) {
  for (const workspace::RunLayer& layer : meta.layers) {
    if (layer.name != "project") continue;
    return workspace::OverlayLayer{
        .lower = layer.lower,
        .upper = fmt::format("{}/{}/{}", store.root(), meta.id, layer.upper),
        .flavour = meta.flavour,
        .redirect_dir = meta.redirect_dir};
  }
  return Fail(Errc::kNotFound, fmt::format("run {} has no layer of the project", meta.id),
              "it was started with '--project ro'");
}

}  // namespace ambit::cli
