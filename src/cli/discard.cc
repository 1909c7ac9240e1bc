#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/opened_run.h"
#include "cli/question.h"
#include "cli/review_commands.h"
#include "cli/review_journal.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "review/apply_log.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

struct DiscardFlags {
  std::string run;
  std::string directory;
  bool yes = false;
};

/// What would be dropped, for people.
std::string WorkOf(const workspace::RunStore& store, const workspace::RunMeta& meta,
                   const workspace::RunDir& run) {
  if (!workspace::HasWork(run)) return "it changed nothing";
  const auto layer = ProjectLayerOf(store, meta);
  if (!layer) return WithoutControls(layer.error().what);
  const auto set = workspace::WalkChanges(*layer);
  if (!set) return WithoutControls(set.error().what);
  std::string counts = CountsOf(set->changes);
  if (!set->git.empty()) counts += counts.empty() ? "changes of git" : ", changes of git";
  return counts.empty() ? "nothing that the project has not" : counts;
}

/// Dropped work cannot be had again: the run that ambit would choose is not taken unasked.
Result<bool> Confirm(const workspace::RunStore& store, const workspace::RunMeta& meta,
                     const workspace::RunDir& run) {
  const std::string name = NameAndTime(meta);
  if (::isatty(0) != 1 || ::isatty(2) != 1) {
    return Fail(Errc::kDenied,
                fmt::format("nothing was discarded: the newest run here is {}, and there is no "
                            "terminal to ask at",
                            name),
                fmt::format("'ambit discard {}' drops its work, or --yes", meta.id));
  }
  return AskYes(fmt::format("Discard the work of run {} ({}): {}? It cannot be taken back.", name,
                            CommandLine(meta), WorkOf(store, meta, run)));
}

/// The id of the run; nullopt when the person said no.
Result<std::optional<std::string>> Discard(const DiscardFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunMeta meta, FindRun(store, person, flags.run, flags.directory));
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_CHECK(review::RefuseUnfinished(run));
  AMBIT_CHECK(workspace::LockRun(run));
  AMBIT_CHECK(workspace::CheckEnded(run));
  if (flags.run.empty() && !flags.yes) {
    AMBIT_TRY(const bool wanted, Confirm(store, meta, run));
    if (!wanted) return std::nullopt;
  }
  AMBIT_TRY(ReviewJournal journal, ReviewJournal::Open(run));
  AMBIT_CHECK(workspace::DiscardWork(run));
  // Afterwards, because a full disk has room for a line then.
  AMBIT_CHECK(journal.WorkDiscarded());
  return run.id;
}

Result<int> DiscardAndName(const DiscardFlags& flags) {
  AMBIT_TRY(const auto id, Discard(flags));
  if (!id) {
    fmt::print(stderr, "ambit: nothing was discarded\n");
    return kLeftOut;
  }
  AMBIT_CHECK(ToStdout(*id + "\n"));
  return 0;
}

}  // namespace

Status DiscardRun(const std::string& run) {
  const auto done = Discard({.run = run, .directory = {}});
  return done ? Status() : std::unexpected(done.error());
}

void AddDiscard(NewCommand ambit) {
  auto flags = std::make_shared<DiscardFlags>();
  NewCommand discard = ambit.AddCommand("discard", "Drop the work of a run and keep its record");
  discard.AddArgument("run", flags->run, kRunHelp);
  AddDirectoryFlag(discard, flags->directory);
  discard.AddFlag("--yes", flags->yes, "Do not ask, though no run is named");
  discard.Does([flags] { return DiscardAndName(*flags); });
}

}  // namespace ambit::cli
