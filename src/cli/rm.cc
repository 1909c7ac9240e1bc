#include <memory>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/runs.h"
#include "review/applied_runs.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct RmFlags {
  std::vector<std::string> runs;
  bool force = false;
};

Status RemoveOne(const std::string& id, bool force) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunDir run, OpenNamedRun(store, id));
  AMBIT_CHECK(review::RefuseUnfinished(run));
  if (!force) AMBIT_CHECK(review::RefuseKept(run));
  AMBIT_CHECK(review::RemoveRun(store, run));
  return ToStdout(run.id + "\n");
}

int RemoveAll(const RmFlags& flags) {
  int worst = 0;
  for (const std::string& id : flags.runs) {
    if (const int code = Report(RemoveOne(id, flags.force)); code != 0) worst = code;
  }
  return worst;
}

}  // namespace

void AddRm(NewCommand ambit) {
  auto flags = std::make_shared<RmFlags>();
  NewCommand rm = ambit.AddCommand("rm", "Remove runs: their work and their record");
  rm.AddArgument("run", flags->runs, "The runs").Required();
  rm.AddFlag("-f,--force", flags->force, "Also files that an undo could not put back");
  rm.Does([flags] { return RemoveAll(*flags); });
}

}  // namespace ambit::cli
