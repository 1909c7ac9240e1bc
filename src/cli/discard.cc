#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/review_commands.h"
#include "cli/review_journal.h"
#include "cli/runs.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

Result<std::string> Discard(const std::string& name, const std::string& directory) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunMeta meta, FindRun(store, person, name, directory));
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_CHECK(review::RefuseUnfinished(run));
  AMBIT_CHECK(workspace::LockRun(run));
  AMBIT_CHECK(workspace::CheckEnded(run));
  AMBIT_TRY(ReviewJournal journal, ReviewJournal::Open(run));
  AMBIT_CHECK(workspace::DiscardWork(run));
  // Afterwards, because a full disk has room for a line then.
  AMBIT_CHECK(journal.WorkDiscarded());
  return run.id;
}

Status DiscardAndName(const std::string& name, const std::string& directory) {
  AMBIT_TRY(const std::string id, Discard(name, directory));
  return ToStdout(id + "\n");
}

}  // namespace

Status DiscardRun(const std::string& run) {
  const Result<std::string> done = Discard(run, {});
  return done ? Status() : std::unexpected(done.error());
}

void AddDiscard(CLI::App& app, Action& action) {
  auto run = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  CLI::App* discard = app.add_subcommand("discard", "Drop the work of a run and keep its record");
  discard->add_option("run", *run, kRunHelp);
  AddDirectoryOption(*discard, *directory);
  discard->final_callback([run, directory, &action] {
    action = [run, directory] { return Report(DiscardAndName(*run, *directory)); };
  });
}

}  // namespace ambit::cli
