#pragma once
// How subcommands find a run that goes on, and speak to it. Who calls: approve.cc, publish.cc,
// ps.cc, why.cc.
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/runs.h"
#include "supervise/control_message.h"
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

/// A connection that is held until a person answers.
struct Waiting {
  std::string run;
  std::string target;  // as a rule names it
  std::uint32_t question = 0;
  std::uint64_t seconds = 0;
};

/// What a run that goes on waits for. Nothing when it does not answer within `patience`: it has
/// ended meanwhile, or its supervisor is stopped.
std::vector<Waiting> WaitingIn(const workspace::RunMeta& meta, const workspace::RunDir& run,
                               std::chrono::seconds patience = std::chrono::seconds(1));

/// The number in the run's answer. Errors: the run's own words, and those of supervise::Say.
Result<std::uint32_t> AskTheRun(const LiveRun& live, const supervise::ControlRequest& request);

}  // namespace ambit::cli
