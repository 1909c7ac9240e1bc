#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/cli.h"
#include "cli/opened_run.h"
#include "cli/review_journal.h"
#include "cli/run_and_paths.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "review/applied_runs.h"
#include "review/apply.h"
#include "workspace/run_removal.h"

namespace ambit::cli {
namespace {

using review::ApplyReport;

/// The run that was named, or the one whose apply to the project is the newest.
Result<workspace::RunMeta> RunToUndo(const workspace::RunStore& store, const host::Person& person,
                                     const std::string& name, const std::string& directory) {
  AMBIT_TRY(workspace::RunMeta meta, FindRun(store, person, name, directory));
  if (!name.empty()) return meta;
  return review::LastApplied(store, meta.project);
}

Result<int> UndoRun(const std::string& name, const std::string& directory) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(workspace::RunMeta meta, RunToUndo(store, person, name, directory));
  if (name.empty()) NameChosen(meta);
  AMBIT_TRY(Opened opened, OpenRun(std::move(store), std::move(meta)));
  AMBIT_CHECK(opened.tree.Lock());
  AMBIT_TRY(ReviewJournal journal, ReviewJournal::Open(opened.run));
  AMBIT_TRY(const auto recovered, RecoverAll(opened, journal));
  if (recovered) {  // that was the last apply
    AMBIT_CHECK(workspace::ClearMark(opened.run, workspace::kTakenMark));
    Print(*recovered);
    return ExitCodeOf(recovered->Complete());
  }
  AMBIT_TRY(std::optional<review::ApplyLog> log, review::ApplyLog::Last(opened.run));
  if (!log) return Fail(Errc::kNotFound, fmt::format("nothing of {} is applied", opened.meta.id));
  AMBIT_CHECK(review::RefuseOutOfOrder(opened.store, opened.meta, *log));
  AMBIT_CHECK(journal.UndoStarted());
  AMBIT_CHECK(workspace::ClearMark(opened.run, workspace::kTakenMark));
  const Result<ApplyReport> report = review::Undo(opened.run, opened.tree, *std::move(log));
  const Status written = journal.UndoEnded(report);
  if (!report) return std::unexpected(report.error());
  Print(*report);
  AMBIT_CHECK(written);
  return ExitCodeOf(report->Complete());
}

}  // namespace

void AddUndo(NewCommand ambit) {
  auto run = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  NewCommand undo = ambit.AddCommand("undo", "Take back the last apply");
  undo.AddArgument("run", *run, "The run; the last one applied to this project when left out");
  AddDirectoryFlag(undo, *directory);
  undo.Does([run, directory] { return UndoRun(*run, *directory); });
}

}  // namespace ambit::cli
