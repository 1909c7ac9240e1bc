#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/cli.h"
#include "cli/runs.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

Status RemoveOne(const std::string& id) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(id));
  AMBIT_CHECK(review::RefuseUnfinished(run));
  AMBIT_CHECK(workspace::RemoveRun(store, run));
  return ToStdout(run.id + "\n");
}

int RemoveAll(const std::vector<std::string>& ids) {
  int worst = 0;
  for (const std::string& id : ids) {
    if (const int code = Report(RemoveOne(id)); code != 0) worst = code;
  }
  return worst;
}

}  // namespace

void AddRm(CLI::App& app, Action& action) {
  auto runs = std::make_shared<std::vector<std::string>>();
  CLI::App* rm = app.add_subcommand("rm", "Remove runs: their work and their record");
  rm->add_option("run", *runs, "The runs")->required();
  rm->final_callback([runs, &action] { action = [runs] { return RemoveAll(*runs); }; });
}

}  // namespace ambit::cli
