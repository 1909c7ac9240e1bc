#pragma once
// Applies and undos that are half done, as others see them: a project is then neither as it was nor
// as it will be, and no run may start in it. Each is named, for as long as it lasts, by an empty
// file STATE/applying/RUN beside the runs, which is on disk before the project is touched: so a run
// asks one small directory, and lists neither the store nor the project. A project is its path: one
// that was renamed since is another, and is not refused (the README says so).
// Who calls: apply.cc (AnnounceApply, WithdrawApply), cli (the rest). Errors: kDenied as said
// below, kIo.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "workspace/run_store.h"

namespace ambit::review {

/// The file is there, synced, when this returns.
Status AnnounceApply(const workspace::RunDir& run);
/// One that is not there is no error.
Status WithdrawApply(const workspace::RunDir& run);

enum class Unfinished : std::uint8_t {
  kNothing,
  kInterrupted,  // the next apply or undo brings it to an end
  kUnderWay,     // a process works on it now
};

/// What is half done of the run. What never touched the project counts as nothing.
Unfinished UnfinishedOf(const workspace::RunDir& run, const workspace::RunMeta& meta);

/// `apply interrupted` or `being applied`; empty for kNothing.
std::string_view WordsFor(Unfinished unfinished);

/// kDenied, with the run and what to do, while an apply or undo of any run of the store is half
/// done in `project`. `runs_root`: the store, which need not exist.
Status RefuseWhileApplying(const std::string& runs_root, const std::string& project);

}  // namespace ambit::review
