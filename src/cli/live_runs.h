#pragma once
// How subcommands find a run that goes on, and speak to it. Who calls: approve.cc, publish.cc.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/runs.h"
#include "supervise/control_socket.h"
#include "workspace/run_store.h"

namespace ambit::cli {

struct LiveRun {
  workspace::RunMeta meta;
  workspace::RunDir run;
};

/// The one that was named, or all of the person's, newest first. kNotFound: it does not go on.
Result<std::vector<LiveRun>> LiveRuns(const host::Person& person, const std::string& named);

/// The one that is meant of those that LiveRuns found: that was named, or the newest of the project
/// here, or in `directory`. Errors name those there are.
Result<const LiveRun*> RunMeant(const std::vector<LiveRun>& live, const std::string& named,
                                const std::string& directory);

/// The number in the run's answer. Errors: the run's own words, and those of supervise::Say.
Result<std::uint32_t> AskTheRun(const LiveRun& live, const supervise::ControlRequest& request);

}  // namespace ambit::cli
