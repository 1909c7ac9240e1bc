#pragma once
// Taking runs away again: the work alone, or all of a run. What lies in a layer was made by the
// agent, so it is removed by descriptor below the run's directory: no link followed, no mount
// entered, directories without permissions opened first, any depth with a fixed number of
// descriptors. A directory that is too deep is moved up inside what is being removed, so an
// interrupted removal leaves a heap, not a tree: the mark `discarded` is set before it begins and
// nothing reads the layers of such a run.
// Who calls: cli (discard), and review/applied_runs.h for rm, prune and the keep policy. One at a
// time: a run is locked (flock) by whoever removes. Errors: kInvalidArgument for a run that is
// alive or may be starting, kDenied when another process holds the lock or an entry cannot be
// removed (immutable, another owner), kIo.
#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "workspace/run_store.h"

namespace ambit::workspace {

/// An error unless the run has ended for good: a run never comes back to life.
Status CheckEnded(const RunDir& run);

/// Keeps every other review of the run out as long as the descriptor in `run` is open: whoever
/// reads the work takes it as well as whoever removes it. kDenied when another process has it.
Status LockRun(const RunDir& run);

/// LockRun for who reads the work: what a run left in its image (backing.h) is brought home.
Status LockWork(const RunDir& run);

/// When a removal stops, with kLimit; the rest can be removed later.
using Deadline = std::chrono::steady_clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

/// Removes `name` below the directory `dir` with all in it. What is not there is no error. Goes on
/// after a failure, so that as little as possible stays, and returns the first one.
Status RemoveTree(int dir, const std::string& name, Deadline deadline = kNoDeadline);

/// Drops the layers and homes of the run; its record stays.
Status DiscardWork(const RunDir& run, Deadline deadline = kNoDeadline);

/// Drops all of the run.
Status RemoveRun(const RunStore& store, const RunDir& run, Deadline deadline = kNoDeadline);

/// Bytes on disk of the run, or of all in the directory `dir`. At least: what its owner may not
/// list is not counted.
std::uint64_t SizeOnDisk(const RunDir& run);
std::uint64_t SizeOnDisk(int dir);

/// Whether a layer of the run holds anything.
bool HasWork(const RunDir& run);

/// What happened to a run after its end; each is an empty file in its directory.
inline constexpr const char* kDiscardedMark = "discarded";
inline constexpr const char* kReviewedMark = "reviewed";  // diff, apply or branch has read it
inline constexpr const char* kTakenMark = "taken";        // apply brought all of it
Status SetMark(const RunDir& run, const char* mark);
/// One that is not there is no error.
Status ClearMark(const RunDir& run, const char* mark);
bool HasMark(const RunDir& run, const char* mark);

}  // namespace ambit::workspace
