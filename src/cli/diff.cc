#include "review/diff.h"

#include <unistd.h>

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "workspace/change_walk.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct DiffFlags {
  std::string run;
  bool name_status = false;
  bool stat = false;
  bool json = false;
};

Status ToStdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    return FailErrno(errno, "write to stdout");
  }
  return {};
}

Status Render(const DiffFlags& flags, const workspace::OverlayLayer& layer,
              const workspace::ChangeSet& changes) {
  const review::DiffOptions options{.for_terminal = ::isatty(1) == 1};
  if (flags.json) return review::RenderJson(changes, ToStdout);
  if (flags.name_status) return review::RenderNameStatus(changes, ToStdout);
  if (flags.stat) return review::RenderStat(layer, changes, options, ToStdout);
  return review::RenderUnified(layer, changes, options, ToStdout);
}

Status ShowDiff(const DiffFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunMeta meta, FindRun(store, person, flags.run));
  const auto layer = ProjectLayerOf(store, meta);
  if (!layer && layer.error().code == Errc::kNotFound) return {};  // it could change nothing
  if (!layer) return std::unexpected(layer.error());
  AMBIT_TRY(const workspace::ChangeSet changes, workspace::WalkChanges(*layer));
  AMBIT_CHECK(Render(flags, *layer, changes));
  if (changes.truncated) std::fputs("ambit: too many changes to show them all\n", stderr);
  return {};
}

}  // namespace

void AddDiff(CLI::App& app, Action& action) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* diff = app.add_subcommand("diff", "Show what a run changed in the project");
  diff->add_option("run", flags->run, "The run; the newest one of this project when left out");
  auto* forms = diff->add_option_group("form");
  forms->add_flag("--name-status", flags->name_status, "Names and kinds of change only");
  forms->add_flag("--stat", flags->stat, "Lines added and removed for each file");
  forms->add_flag("--json", flags->json, "For programs");
  forms->require_option(0, 1);
  diff->final_callback([flags, &action] {
    action = [flags] {
      const Status shown = ShowDiff(*flags);
      return shown ? 0 : Complain(shown.error().what, shown.error().remedy);
    };
  });
}

}  // namespace ambit::cli
