#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/opened_run.h"
#include "cli/review_journal.h"
#include "cli/run_and_paths.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "review/apply.h"
#include "workspace/run_removal.h"

namespace ambit::cli {
namespace {

using review::ApplyReport;

/// The run of the project whose apply is the newest.
Result<workspace::RunMeta> LastApplied(const workspace::RunStore& store, const host::Person& person,
                                       const std::string& directory) {
  AMBIT_TRY(const workspace::RunMeta newest, FindRun(store, person, "", directory));
  AMBIT_TRY(std::vector<workspace::RunEntry> runs, store.List());
  std::optional<workspace::RunMeta> last;
  std::int64_t last_ns = -1;
  for (workspace::RunEntry& entry : runs) {
    if (!entry.meta || entry.meta->project != newest.project) continue;
    const auto run = store.OpenRun(entry.id);
    if (!run) continue;
    const auto log = review::ApplyLog::Last(*run);
    if (!log || !*log || (*log)->time_ns() <= last_ns) continue;
    last_ns = (*log)->time_ns();
    last = std::move(*entry.meta);
  }
  if (last) return *std::move(last);
  return Fail(Errc::kNotFound, "nothing was applied to this project that could be taken back");
}

Result<int> UndoRun(const std::string& name, const std::string& directory) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(workspace::RunMeta meta,
            name.empty() ? LastApplied(store, person, directory) : FindRun(store, person, name));
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

void AddUndo(CLI::App& app, Action& action) {
  auto run = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  CLI::App* undo = app.add_subcommand("undo", "Take back the last apply");
  undo->add_option("run", *run, "The run; the last one applied to this project when left out");
  AddDirectoryOption(*undo, *directory);
  undo->final_callback([run, directory, &action] {
    action = Finishing([run, directory] { return UndoRun(*run, *directory); });
  });
}

}  // namespace ambit::cli
