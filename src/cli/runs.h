#pragma once
// How subcommands find the run that a person means. Who calls: every subcommand that reviews.
#include <string>

#include "base/error.h"
#include "host/facts.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// The person's store. kNotFound with a hint when there was no run yet.
Result<workspace::RunStore> OpenStore(const host::Person& person);

/// The run that was named, or the newest one of the project the person is in.
Result<workspace::RunMeta> FindRun(const workspace::RunStore& store, const host::Person& person,
                                   const std::string& name);

/// The project's layer of a run. kNotFound for a run that had none (`--project ro`).
Result<workspace::OverlayLayer> ProjectLayerOf(const workspace::RunStore& store,
                                               const workspace::RunMeta& meta);

}  // namespace ambit::cli
