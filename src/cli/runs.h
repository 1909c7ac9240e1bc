#pragma once
// How subcommands find the run that a person means, and say what it is. Who calls: every
// subcommand that reviews or manages runs.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command_line.h"
#include "host/facts.h"
#include "plan/launch_plan.h"
#include "supervise/place.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// Where a run started here, or in `directory`, would be.
Result<supervise::Place> PlaceHere(const std::string& directory = {});

/// Where the runs of `person` are kept: below $XDG_STATE_HOME, or their home.
std::string RunsRootOf(const host::Person& person);

/// The person's store. kNotFound with a hint when there was no run yet.
Result<workspace::RunStore> OpenStore(const host::Person& person);

/// All runs of the person, newest first; no store and none when there was no run yet.
struct AllRuns {
  std::optional<workspace::RunStore> store;
  std::vector<workspace::RunEntry> runs;
};
Result<AllRuns> ListAllRuns(const host::Person& person);

/// The option -C, as `run` has it: this directory is the project, wherever the person is.
void AddDirectoryFlag(NewCommand command, std::string& directory);

/// The directory of the run that was named. kNotFound, with the newest runs there are.
Result<workspace::RunDir> OpenNamedRun(const workspace::RunStore& store, const std::string& name);

enum class Newest : std::uint8_t {
  kThatRan,  // but those that changed nothing because their command never started, if there is one
  kOfAll,
};

/// The run that was named, or the newest one of the project the person is in (or of `directory`).
Result<workspace::RunMeta> FindRun(const workspace::RunStore& store, const host::Person& person,
                                   const std::string& name, const std::string& directory = {},
                                   Newest which = Newest::kThatRan);

/// How a run was made. Errors: no such record, or one that this ambit does not know.
Result<plan::LaunchPlan> PlanOf(const workspace::RunDir& run);

/// The project's layer of a run. kNotFound for a run that had none (`--project ro`), kUnsupported
/// for one that wrote into the project itself, kInvalidArgument when the work was discarded.
Result<workspace::OverlayLayer> ProjectLayerOf(const workspace::RunStore& store,
                                               const workspace::RunMeta& meta);

/// Paths as they were typed, relative to the run's project: from the working directory when that is
/// inside and no other one was named, else from the project's root. Nothing is looked up, so they
/// need not exist. An empty string is the whole project.
Result<std::vector<std::string>> PathsInProject(const workspace::RunMeta& meta,
                                                std::span<const std::string> typed,
                                                const std::string& directory = {});

/// One or two words: running, how it ended, or that it crashed.
std::string StateOf(const workspace::RunMeta& meta);

/// The state, and what became of the work since, or is becoming of it now.
std::string StateAndWorkOf(const workspace::RunDir& run, const workspace::RunMeta& meta);

/// `2026-01-31 23:59:59` in local time; "-" for 0.
std::string LocalTime(std::int64_t unix_ns);

/// The command in one line, safe to print.
std::string CommandLine(const workspace::RunMeta& meta);

}  // namespace ambit::cli
