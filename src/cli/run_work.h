#pragma once
// What a command says of the run that it chose itself, and of what a run changed. Who calls: diff,
// apply, branch, discard, after_run. No errors: it only speaks, and what cannot be read has no work
// to tell of.
#include <span>
#include <string>
#include <string_view>

#include "workspace/change_walk.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// `3 files (1 added, 2 modified)`, and the directories that came, went or changed by themselves.
/// Empty when there is none.
std::string CountsOf(std::span<const workspace::Change> changes);

/// `r-01234567 of 14:03`, with the day when it was not today.
std::string NameAndTime(const workspace::RunMeta& run);

/// Where nobody named a run: which one is meant, as one line to stderr.
void NameChosen(const workspace::RunMeta& run);

/// What somebody asked for in vain.
struct Sought {
  std::string_view command;            // "ambit diff"
  std::span<const std::string> paths;  // relative to the project; empty: everything
  std::span<const std::string> typed;  // the same as they were typed
};

/// Where the newest run `chosen` has nothing of it: one line to stderr when an older kept run of
/// its project has changes, with the command and that run's id as the way to them. False when there
/// is nothing to say.
bool TellOfOlderWork(const workspace::RunStore& store, const workspace::RunMeta& chosen,
                     const Sought& sought);

/// What the run wrote below directories of `--cow`, which is shown nowhere: one line to stderr.
void TellOfOtherLayers(const workspace::RunMeta& meta, const workspace::RunDir& run);

}  // namespace ambit::cli
