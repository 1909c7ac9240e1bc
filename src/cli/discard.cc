#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/runs.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

Status Discard(const std::string& name) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunMeta meta, FindRun(store, person, name));
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_CHECK(review::RefuseUnfinished(run));
  AMBIT_CHECK(workspace::DiscardWork(run));
  return ToStdout(run.id + "\n");
}

}  // namespace

void AddDiscard(CLI::App& app, Action& action) {
  auto run = std::make_shared<std::string>();
  CLI::App* discard = app.add_subcommand("discard", "Drop the work of a run and keep its record");
  discard->add_option("run", *run, kRunHelp);
  discard->final_callback([run, &action] { action = [run] { return Report(Discard(*run)); }; });
}

}  // namespace ambit::cli
