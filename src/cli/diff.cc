#include "review/diff.h"

#include <errno.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/pager.h"
#include "cli/review_commands.h"
#include "cli/run_and_paths.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "review/apply_log.h"
#include "review/host_edits.h"
#include "review/project_tree.h"
#include "review/unfinished_apply.h"
#include "workspace/change_walk.h"
#include "workspace/masks.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"
#include "workspace/stamp.h"

namespace ambit::cli {
namespace {

struct DiffFlags {
  std::string directory;
  std::string run;
  std::vector<std::string> paths;
  std::string colour = "auto";
  bool name_status = false;
  bool stat = false;
  bool json = false;
  bool no_pager = false;
};

struct Subject {
  workspace::RunStore store;
  workspace::RunMeta meta;
  workspace::RunDir run;
  std::optional<workspace::OverlayLayer> layer;  // none: the run could change nothing
  std::vector<std::string> paths;                // empty: all
};

bool WantsColour(const DiffFlags& flags) {
  if (flags.colour != "auto") return flags.colour == "always";
  const char* none = ::getenv("NO_COLOR");
  const char* terminal = ::getenv("TERM");
  return ::isatty(1) == 1 && (none == nullptr || *none == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

Status Render(const DiffFlags& flags, const workspace::OverlayLayer& layer,
              const workspace::ChangeSet& changes) {
  const bool terminal = ::isatty(1) == 1;
  const bool colour = WantsColour(flags);
  const review::DiffOptions options{.for_terminal = terminal || colour, .colour = colour};
  Pager pager = Pager::Start(terminal && !flags.no_pager && !flags.json);
  const review::Sink sink = [&](std::string_view text) { return pager.Write(text); };
  if (flags.json) return review::RenderJson(changes, sink);
  if (flags.name_status) return review::RenderNameStatus(changes, sink);
  if (flags.stat) return review::RenderStat(layer, changes, options, sink);
  return review::RenderUnified(layer, changes, options, sink);
}

void Say(const std::string& text) { std::fputs(("ambit: " + text + "\n").c_str(), stderr); }

constexpr std::size_t kMaxNamed = 10;

/// Up to `kMaxNamed` paths of one verdict, one a line.
void NameThem(const std::vector<review::GatedChange>& gated, review::GateVerdict verdict,
              std::string_view what) {
  std::size_t count = 0;
  for (const review::GatedChange& change : gated) {
    if (change.decision.verdict != verdict) continue;
    if (++count == 1) Say(std::string(what));
    if (count <= kMaxNamed) {
      Say(fmt::format("  {} ({})", Printable(change.path), change.decision.reason));
    }
  }
  if (count > kMaxNamed) Say(fmt::format("  and {} more", count - kMaxNamed));
}

/// What a patch does not show: which of these the host would act on by itself.
Status TellOfTheGate(const workspace::OverlayLayer& layer, const workspace::ChangeSet& changes) {
  AMBIT_TRY(const auto gated, review::GatedChanges(layer, changes));
  using enum review::GateVerdict;
  NameThem(gated, kNever, "never leaves the run:");
  NameThem(gated, kHeld, "held back by 'ambit apply', each needs '--consent PATH':");
  NameThem(gated, kShown, "runs on the host when somebody builds or tests:");
  return {};
}

/// What could not be read is no part of what was shown.
void TellOfTheUnreadable(const Subject& of, const workspace::ChangeSet& changes) {
  std::size_t count = 0;
  for (const workspace::Change& change : changes.changes) {
    if (!change.unreadable) continue;
    if (++count == 1) Say("could not be read, with all that is in it:");
    if (count <= kMaxNamed) Say("  " + Printable(change.path));
  }
  if (count > kMaxNamed) Say(fmt::format("  and {} more", count - kMaxNamed));
  if (count != 0 && workspace::IsAlive(of.meta)) Say("  the run goes on: look again after its end");
}

Sought SoughtBy(const DiffFlags& flags, std::span<const std::string> paths) {
  return {.command = "ambit diff", .paths = paths, .typed = flags.paths};
}

/// What the host has now is compared with what the run made of what was there before.
void TellOfTheHostsEdits(const Subject& of, const workspace::ChangeSet& changes) {
  constexpr std::size_t kMostNamed = 3;
  const auto project = std::ranges::find(of.meta.layers, "project", &workspace::RunLayer::name);
  const auto masks = workspace::Masks::Load(of.layer->mask);
  if (project == of.meta.layers.end() || !masks) return;
  const auto tree =
      review::ProjectTree::Open(project->lower, project->lower_device, project->lower_inode);
  if (!tree) return;
  const auto edited =
      review::HostEdits(*tree, workspace::StampToCompare(of.meta, *project, tree->fd()),
                        review::ApplyLog::ReadLeft(of.run), *masks, changes);
  if (edited.empty()) return;
  std::string names;
  for (const std::string& path : edited | std::views::take(kMostNamed)) {
    names += (names.empty() ? "" : ", ") + Printable(path);
  }
  if (edited.size() > kMostNamed) names += fmt::format(" and {} more", edited.size() - kMostNamed);
  Say(fmt::format(
      "you changed {}, too, since the run began: compared with yours of now, your edits "
      "look as if the run took them back",
      names));
}

Result<Subject> FindSubject(const DiffFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(workspace::RunMeta meta, FindRun(store, person, flags.run, flags.directory));
  const bool tells = flags.run.empty() && !flags.json;
  if (tells) NameChosen(meta);
  AMBIT_TRY(workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_TRY(std::vector<std::string> limits, PathsInProject(meta, flags.paths, flags.directory));
  auto layer = ProjectLayerOf(store, meta);
  if (!layer && tells) TellOfOlderWork(store, meta, SoughtBy(flags, limits));
  if (!layer && layer.error().code != Errc::kNotFound) return std::unexpected(layer.error());
  return Subject{.store = std::move(store),
                 .meta = std::move(meta),
                 .run = std::move(run),
                 .layer = layer ? std::optional(*std::move(layer)) : std::nullopt,
                 .paths = std::move(limits)};
}

/// A path that the run left alone is an answer, a word that is nothing is a slip of the keyboard.
Status CheckThatTheyExist(const Subject& of) {
  for (const std::string& path : of.paths) {
    struct stat info{};
    if (::lstat((of.meta.project + "/" + path).c_str(), &info) == 0) continue;
    return Fail(Errc::kNotFound,
                fmt::format("'{}' is no run, no file of the project, and nothing that run {} "
                            "changed",
                            Printable(path), of.meta.id),
                "'ambit diff --name-status' lists what it changed, 'ambit ps -a' the runs");
  }
  return {};
}

Status ShowDiff(const DiffFlags& flags) {
  AMBIT_TRY(const Subject of, FindSubject(flags));
  if (!of.layer) return {};
  AMBIT_TRY(workspace::ChangeSet changes, workspace::WalkChanges(*of.layer));
  if (!of.paths.empty()) review::LimitTo(changes, of.paths);
  const bool nothing = changes.changes.empty() && changes.git.empty();
  const bool chosen = flags.run.empty() && !flags.json;
  const bool told =
      nothing && chosen && TellOfOlderWork(of.store, of.meta, SoughtBy(flags, of.paths));
  if (nothing) AMBIT_CHECK(CheckThatTheyExist(of));
  AMBIT_CHECK(Render(flags, *of.layer, changes));
  // It is compared with the project as it is now.
  if (const Status busy = review::RefuseWhileApplying(of.store.root(), of.meta.project); !busy) {
    (void)Report(busy);
  }
  if (std::fflush(stdout) != 0) return FailErrno(errno, "write to stdout");
  TellOfTheUnreadable(of, changes);
  if (changes.truncated) Say("too many changes to show them all");
  if (!of.paths.empty() && nothing && !told) {
    Say(fmt::format("run {} changed nothing of these paths", of.meta.id));
  }
  if (!flags.json) {
    TellOfTheHostsEdits(of, changes);
    if (of.paths.empty()) TellOfOtherLayers(of.meta, of.run);
    AMBIT_CHECK(TellOfTheGate(*of.layer, changes));
  }
  // Without the mark 'prune' asks once more: no reason to fail.
  if (!workspace::IsAlive(of.meta)) (void)workspace::SetMark(of.run, workspace::kReviewedMark);
  return {};
}

}  // namespace

Status ShowDiffOf(const std::string& run) {
  return ShowDiff({.directory = {}, .run = run, .paths = {}});
}

void AddDiff(NewCommand ambit) {
  auto flags = std::make_shared<DiffFlags>();
  auto of = std::make_shared<RunAndPaths>();
  NewCommand diff = ambit.AddCommand("diff", "Show what a run changed in the project");
  of->AddTo(diff);
  AddDirectoryFlag(diff, flags->directory);
  NewCommand forms = diff.AddAlternatives("form");
  forms.AddFlag("--name-status", flags->name_status, "Names and kinds of change only");
  forms.AddFlag("--stat", flags->stat, "Lines added and removed for each file");
  forms.AddFlag("--json", flags->json, "For programs");
  diff.AddFlag("--color", flags->colour, "When to use colour")
      .OneOf({"auto", "always", "never"})
      .TellsDefault();
  diff.AddFlag("--no-pager", flags->no_pager, "Print long output as it is");
  diff.Does([flags, of] {
    flags->run = of->run();
    flags->paths = of->paths();
    return ShowDiff(*flags);
  });
}

}  // namespace ambit::cli
