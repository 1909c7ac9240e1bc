#pragma once
// What apply writes down before it touches the project, so that whatever stops it, the next apply
// or undo knows what to finish or take back. One numbered directory per apply in the run's own:
//   RUN/applied/left          how ambit left the paths (LeftBehind)
//   RUN/applied/0001/steps    the steps, complete before the first is done
//   RUN/applied/0001/parents  directories the host had not changed when it began
//   RUN/applied/0001/renames  there when it moves whole directories
//   RUN/applied/0001/phase    how far it came, replaced by rename
//   RUN/applied/0001/old/     what the project held, by slot, once the apply is finished
// Everything is synced before the function that wrote it returns. Formats are text with raw paths
// that end in NUL. Who calls: apply.cc, undo.cc. Errors: kIo and its kin, kInvalidArgument for a
// record that cannot be understood.
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "review/apply_plan.h"
#include "workspace/run_store.h"

namespace ambit::review {

enum class Phase : std::uint8_t {
  kStaging,  // the project only holds the staging directory
  kRunning,  // steps are done: to be taken back
  kSaving,   // all steps are done: old contents go to old/
  kDone,
  kUndoing,  // to be gone on with
  kUndone,
};

class ApplyLog {
 public:
  /// A new record in phase kStaging. `renames`: the apply moves whole directories.
  static Result<ApplyLog> Begin(const workspace::RunDir& run, bool renames);
  /// The newest record that is not undone; nullopt when there is none.
  static Result<std::optional<ApplyLog>> Last(const workspace::RunDir& run);
  /// All records that are not undone, oldest first.
  static Result<std::vector<ApplyLog>> Standing(const workspace::RunDir& run);
  /// Whether the run has records at all.
  static bool IsIn(const workspace::RunDir& run);

  Phase phase() const { return phase_; }
  bool renames() const;
  /// Steps, by number, that were not done because of a conflict.
  const std::set<std::size_t>& skipped() const { return skipped_; }
  /// When the phase began, in UNIX nanoseconds.
  std::int64_t time_ns() const { return time_ns_; }

  Status SetPhase(Phase phase, std::set<std::size_t> skipped);
  Status SetPhase(Phase phase) { return SetPhase(phase, skipped_); }
  Status WriteSteps(const std::vector<Step>& steps) const;
  Result<std::vector<Step>> ReadSteps() const;
  /// Directories whose times only ambit changes from here on; the values do not matter.
  Status WriteParents(const LeftBehind& parents) const;
  LeftBehind ReadParents() const;

  int old() const { return old_.get(); }
  const std::string& path() const { return path_; }

  static LeftBehind ReadLeft(const workspace::RunDir& run);
  static Status WriteLeft(const workspace::RunDir& run, const LeftBehind& left);

 private:
  ApplyLog(std::string path, Fd dir, Fd old)
      : path_(std::move(path)), dir_(std::move(dir)), old_(std::move(old)) {}
  static Result<ApplyLog> Open(const workspace::RunDir& run, int applied, const std::string& name);
  friend Status RefuseKept(const workspace::RunDir& run);
  Status ReadPhase();

  std::string path_;
  Fd dir_;
  Fd old_;
  Phase phase_ = Phase::kStaging;
  std::set<std::size_t> skipped_;
  std::int64_t time_ns_ = 0;
};

/// kDenied while an apply or undo of the run is half done: what is in its directory is then the
/// only way back to the project as it was. Who calls: whatever removes runs.
Status RefuseUnfinished(const workspace::RunDir& run);

/// kDenied, with the place, when an undo of the run could not put everything back: what the project
/// held before is nowhere else. Who calls: whatever removes runs.
Status RefuseKept(const workspace::RunDir& run);

std::string EncodeSteps(const std::vector<Step>& steps);
/// Never fails but by value, whatever the bytes.
Result<std::vector<Step>> DecodeSteps(std::string_view bytes);

std::string EncodeLeft(const LeftBehind& left);
LeftBehind DecodeLeft(std::string_view bytes);  // what it cannot read it leaves out

}  // namespace ambit::review
