#include "review/apply.h"

#include <errno.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <ranges>

#include "review/apply_stage.h"
#include "review/apply_steps.h"
#include "review/unfinished_apply.h"
#include "workspace/change_dir.h"

namespace ambit::review {
namespace {

/// The steps that could not be done or taken back, with the reason.
using Failures = std::map<std::size_t, std::string>;

std::optional<struct stat> LookOrNothing(const ProjectTree& tree, const std::string& path) {
  struct stat info{};
  if (path.empty()) return ::fstat(tree.fd(), &info) == 0 ? std::optional(info) : std::nullopt;
  return tree.Look(path).value_or(std::nullopt);
}

/// The directories of the steps in which the host changed nothing since the run began.
LeftBehind UnchangedParents(const ProjectTree& tree, const std::vector<Step>& steps,
                            std::int64_t stamp_ns, const LeftBehind& left) {
  LeftBehind parents;
  const auto note = [&](std::string_view path) {
    if (parents.contains(path)) return;
    const auto info = LookOrNothing(tree, std::string(path));
    if (!info || !S_ISDIR(info->st_mode)) return;
    const auto known = left.find(path);
    const std::int64_t ctime = ChangeTimeOf(*info);
    const bool ours = known != left.end() && known->second.inode == info->st_ino &&
                      known->second.ctime_ns == ctime;
    if (ours || ctime < stamp_ns) parents[std::string(path)] = {};
  };
  note("");
  for (const Step& step : steps) note(ParentOf(step.path));
  return parents;
}

/// Writes down how ambit leaves the paths, so that its own work is no conflict later. Only what is
/// still as ambit left it counts: the host may have been there since.
Status NoteLeft(const workspace::RunDir& run, const ProjectTree& tree, const ApplyLog& log,
                const std::vector<Step>& steps, const Failures& failures, bool taken_back) {
  LeftBehind left = ApplyLog::ReadLeft(run);
  const auto note = [&](const std::string& path, const struct stat& info, bool merged) {
    left[path] = {.inode = info.st_ino, .ctime_ns = ChangeTimeOf(info), .merged = merged};
  };
  for (const auto& [path, unused] : log.ReadParents()) {
    const auto info = LookOrNothing(tree, path);
    if (info && S_ISDIR(info->st_mode)) note(path, *info, /*merged=*/false);
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (failures.contains(i) || log.skipped().contains(i)) continue;
    // What a merged or a replaced version took the place of is one the run never saw: it stays a
    // change of the host's.
    if ((steps[i].merged || steps[i].replaced) && taken_back) continue;
    const Seen& expected = taken_back ? steps[i].before : steps[i].after;
    const auto info = LookOrNothing(tree, steps[i].path);
    const bool ours = expected.inode != 0 && info && SameContent(expected, SeenOf(*info));
    if (ours) note(steps[i].path, *info, steps[i].merged);
  }
  return ApplyLog::WriteLeft(run, left);
}

Result<Failures> TakeBackAll(const Stepper& stepper, const std::vector<Step>& steps,
                             const std::set<std::size_t>& skipped) {
  Failures failures;
  for (std::size_t i = steps.size(); i-- > 0;) {
    if (skipped.contains(i)) continue;
    AMBIT_TRY(StepResult result, stepper.TakeBack(steps[i]));
    if (!result.done) failures[i] = std::move(result.reason);
  }
  return failures;
}

/// Letters of the change that taking back makes; a path of two steps is one line.
ApplyReport ReportOf(const std::vector<Step>& steps, const std::set<std::size_t>& skipped,
                     const Failures& failures) {
  std::map<std::string, PlannedPath, PathOrder> paths;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (skipped.contains(i)) continue;
    const Step& step = steps[i];
    const bool gives = step.kind == StepKind::kTake || step.kind == StepKind::kRemoveDirectory;
    char letter = step.kind == StepKind::kPlace ? 'D' : gives ? 'A' : 'M';
    const bool directory = step.kind == StepKind::kRemoveDirectory ||
                           step.kind == StepKind::kChangeMode || S_ISDIR(step.after.mode);
    const auto [at, fresh] = paths.try_emplace(
        step.path, PlannedPath{.letter = letter, .path = step.path, .directory = directory});
    if (!fresh && step.kind != StepKind::kChangeMode) at->second.letter = 'M';
    if (const auto failure = failures.find(i); failure != failures.end()) {
      at->second.verdict = Verdict::kConflict;
      at->second.reason = failure->second;
    }
  }
  ApplyReport report;
  for (auto& [path, planned] : paths) report.paths.push_back(std::move(planned));
  return report;
}

void ForgetOld(const ApplyLog& log) {
  const auto names = workspace::NamesIn(log.old());
  if (!names) return;
  for (const std::string& name : *names) ::unlinkat(log.old(), name.c_str(), 0);
}

/// Takes everything back; what cannot be is in conflict and its old content stays in the record.
Result<ApplyReport> TakeBackWhole(const workspace::RunDir& run, const ProjectTree& tree,
                                  ApplyLog& log, const Staging& staging,
                                  const std::vector<Step>& steps) {
  AMBIT_TRY(const Failures failures,
            TakeBackAll(Stepper(tree, staging.fd()), steps, log.skipped()));
  AMBIT_CHECK(staging.Empty(log, steps));
  // What the record held must be on disk in the project before it goes from there. fsync(2): EINVAL
  // where a file system knows no sync of a directory.
  if (::fsync(tree.fd()) != 0 && errno != EINVAL) {
    return FailErrno(errno, fmt::format("sync '{}'", tree.path()));
  }
  if (failures.empty()) ForgetOld(log);  // before the times are noted: a link less is a new ctime
  AMBIT_CHECK(NoteLeft(run, tree, log, steps, failures, /*taken_back=*/true));
  ApplyReport report = ReportOf(steps, log.skipped(), failures);
  AMBIT_CHECK(log.SetPhase(Phase::kUndone));
  (void)WithdrawApply(run);  // one that stays is seen to be over
  if (!failures.empty()) {
    report.notes.push_back(
        fmt::format("what could not be put back is kept in '{}/old'", log.path()));
  }
  return report;
}

/// The apply is over, only old contents are still in the project.
Status Finish(const workspace::RunDir& run, const ProjectTree& tree, ApplyLog& log,
              const Staging& staging, const std::vector<Step>& steps) {
  AMBIT_CHECK(staging.Empty(log, steps));
  AMBIT_CHECK(NoteLeft(run, tree, log, steps, {}, /*taken_back=*/false));
  AMBIT_CHECK(log.SetPhase(Phase::kDone));
  (void)WithdrawApply(run);
  return {};
}

void MarkConflict(ApplyReport& report, const std::string& path, const std::string& reason) {
  const auto found = std::ranges::find(report.paths, path, &PlannedPath::path);
  if (found == report.paths.end()) return;
  found->verdict = Verdict::kConflict;
  found->reason = reason;
}

/// The slots of what only moves to another place of the project.
std::set<std::uint32_t> MovedSlots(const std::vector<Step>& steps) {
  std::set<std::uint32_t> slots;
  for (const Step& step : steps) {
    if (step.moved) slots.insert(step.slot);
  }
  return slots;
}

/// Does the steps; what fails for one path alone is a conflict of that path.
Result<std::set<std::size_t>> DoAll(const ProjectTree& tree, const Staging& staging,
                                    const ApplyLog& log, const std::vector<Step>& steps,
                                    ApplyReport& report) {
  const Stepper stepper(tree, staging.fd());
  const std::set<std::uint32_t> moved = MovedSlots(steps);
  std::set<std::size_t> skipped;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    StepResult result;
    if (!moved.contains(steps[i].slot) && !staging.CanKeep(log, steps[i])) {
      result = {.done = false, .reason = "it cannot be read, so undo could not keep it"};
    } else {
      AMBIT_TRY(result, stepper.Do(steps[i]));
    }
    if (result.done) continue;
    if (steps[i].moved) {  // it came from another place that must not lose it
      return Fail(Errc::kIo, fmt::format("apply '{}': {}", steps[i].path, result.reason),
                  "try again");
    }
    skipped.insert(i);
    MarkConflict(report, steps[i].path, result.reason);
  }
  return skipped;
}

/// Somebody who had opened a file just before it was taken may write to it only now: then what they
/// wrote is where nobody looks for it.
Status CheckNobodyWroteLate(const Staging& staging, const std::vector<Step>& steps,
                            const std::set<std::size_t>& skipped) {
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool keeps = steps[i].kind == StepKind::kTake || steps[i].kind == StepKind::kExchange;
    if (!keeps || skipped.contains(i)) continue;
    const std::string slot = SlotName(steps[i].slot);
    const auto kept = LookAt(staging.fd(), slot);
    if (!kept) continue;  // it was moved to another place of the project
    if (SameFile(steps[i].before, SeenOf(*kept)) && !IsBeingWritten(staging.fd(), slot)) continue;
    return Fail(Errc::kIo, fmt::format("apply '{}': the host wrote to it just now", steps[i].path),
                "nothing was changed; try again");
  }
  return {};
}

/// What happened, and that the project is as it was.
std::unexpected<Error> Unchanged(Error error, const Result<ApplyReport>& back) {
  if (!back) {
    error.what += fmt::format("; taking it back failed too: {}", back.error().what);
    error.remedy = "'ambit undo' takes back the rest";
  } else if (!back->Complete()) {
    error.what += "; not everything could be taken back";
    for (const std::string& note : back->notes) error.remedy += note;
  } else if (error.remedy.empty()) {
    error.remedy = "the project is as it was before";
  }
  return std::unexpected(std::move(error));
}

}  // namespace

bool ApplyReport::Complete() const {
  return std::ranges::all_of(
      paths, [](const PlannedPath& path) { return path.verdict == Verdict::kApply; });
}

Result<ApplyReport> Apply(const workspace::RunDir& run, const ProjectTree& tree, int upper,
                          const ApplyPlan& plan, std::int64_t stamp_ns) {
  ApplyReport report{.paths = plan.paths};
  if (plan.steps.empty()) return report;
  // A lease that is broken while it is held sends SIGIO, which would end the process.
  ::signal(SIGIO, SIG_IGN);
  std::vector<Step> steps = plan.steps;
  AMBIT_CHECK(AnnounceApply(run));
  AMBIT_TRY(ApplyLog log, ApplyLog::Begin(run, plan.renames));
  AMBIT_CHECK(log.WriteParents(UnchangedParents(tree, steps, stamp_ns, ApplyLog::ReadLeft(run))));
  AMBIT_TRY(const Staging staging, Staging::Create(tree, run.id));
  const auto give_up = [&](Error error) -> std::unexpected<Error> {
    return Unchanged(std::move(error), TakeBackWhole(run, tree, log, staging, steps));
  };
  if (Status filled = staging.Fill(upper, plan.merged, steps); !filled) {
    steps.clear();  // none was begun
    return give_up(std::move(filled).error());
  }
  Status begun = log.WriteSteps(steps);
  if (begun) begun = log.SetPhase(Phase::kRunning);
  if (!begun) {
    steps.clear();
    return give_up(std::move(begun).error());
  }
  auto skipped = DoAll(tree, staging, log, steps, report);
  if (!skipped) return give_up(std::move(skipped).error());
  if (Status late = CheckNobodyWroteLate(staging, steps, *skipped); !late) {
    return give_up(std::move(late).error());
  }
  // The record must not say that all is done before it is: a sync of a directory commits what was
  // renamed before it (ext4, xfs, btrfs).
  (void)::fsync(staging.fd());
  (void)::fsync(tree.fd());
  if (Status saving = log.SetPhase(Phase::kSaving, *std::move(skipped)); !saving) {
    return give_up(std::move(saving).error());
  }
  if (const Status finished = Finish(run, tree, log, staging, steps); !finished) {
    report.notes.push_back(
        fmt::format("applied, but '{}' could not be emptied: {}; the next apply "
                    "or undo goes on with it",
                    staging.path(), finished.error().what));
  }
  return report;
}

Status CheckLayerFits(const workspace::RunDir& run) {
  AMBIT_TRY(const auto log, ApplyLog::Last(run));
  if (!log || !log->renames()) return {};
  return Fail(Errc::kUnsupported,
              "the directories this run renamed are renamed in the project: its layer fits no more",
              "to apply more of it: 'ambit undo', then apply all that is wanted at once");
}

Result<ApplyReport> Undo(const workspace::RunDir& run, const ProjectTree& tree, ApplyLog log) {
  ::signal(SIGIO, SIG_IGN);
  AMBIT_TRY(const std::vector<Step> steps, log.ReadSteps());
  if (log.phase() != Phase::kUndoing) {
    AMBIT_CHECK(log.WriteParents(UnchangedParents(tree, steps, 0, ApplyLog::ReadLeft(run))));
    AMBIT_CHECK(AnnounceApply(run));
    AMBIT_CHECK(log.SetPhase(Phase::kUndoing));
  }
  AMBIT_TRY(const Staging staging, Staging::OpenOrCreate(tree, run.id));
  AMBIT_CHECK(staging.FillFrom(log, steps));
  return TakeBackWhole(run, tree, log, staging, steps);
}

Result<std::vector<std::string>> InterruptedRuns(const ProjectTree& tree) {
  AMBIT_TRY(const std::vector<std::string> names, workspace::NamesIn(tree.fd()));
  std::vector<std::string> runs;
  for (const std::string& name : names) {
    if (!name.starts_with(kStagingPrefix)) continue;
    std::string id = name.substr(kStagingPrefix.size());
    if (workspace::IsRunId(id)) runs.push_back(std::move(id));
  }
  return runs;
}

Result<std::optional<Recovery>> Recover(const workspace::RunDir& run, const ProjectTree& tree) {
  AMBIT_TRY(std::optional<ApplyLog> log, ApplyLog::Last(run));
  if (!log || log->phase() == Phase::kDone) return std::nullopt;
  if (log->phase() == Phase::kUndoing) {
    AMBIT_TRY(ApplyReport report, Undo(run, tree, *std::move(log)));
    return Recovery{.taken_back = true, .report = std::move(report)};
  }
  ::signal(SIGIO, SIG_IGN);
  std::vector<Step> steps;  // none was begun while it was staging
  if (log->phase() != Phase::kStaging) {
    AMBIT_TRY(steps, log->ReadSteps());
  }
  if (steps.empty() && !Staging::Exists(tree, run.id)) {  // not even the project was touched
    AMBIT_CHECK(log->SetPhase(Phase::kUndone));
    (void)WithdrawApply(run);
    return std::nullopt;
  }
  AMBIT_TRY(const Staging staging, Staging::OpenOrCreate(tree, run.id));
  if (log->phase() == Phase::kSaving) {
    AMBIT_CHECK(Finish(run, tree, *log, staging, steps));
    return Recovery{};
  }
  AMBIT_TRY(ApplyReport report, TakeBackWhole(run, tree, *log, staging, steps));
  return Recovery{.taken_back = true, .report = std::move(report)};
}

}  // namespace ambit::review
