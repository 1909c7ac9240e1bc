#include "review/apply.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "cli/auto_exec.h"
#include "cli/cli.h"
#include "cli/opened_run.h"
#include "cli/other_refs.h"
#include "cli/question.h"
#include "cli/review_commands.h"
#include "cli/review_journal.h"
#include "cli/run_and_paths.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "review/apply_stage.h"
#include "review/consent.h"
#include "review/diff.h"
#include "review/merge_offer.h"
#include "sys/file.h"
#include "workspace/run_removal.h"
#include "workspace/stamp.h"

namespace ambit::cli {
namespace {

using review::ApplyPlan;
using review::ApplyReport;
using review::PlannedPath;
using review::Verdict;

struct ApplyFlags {
  std::string directory;
  std::string run;
  std::vector<std::string> paths;
  std::vector<std::string> consents;
  std::vector<std::string> replaced;
  bool agreed = false;  // to all that is not held, at the terminal
  bool dry_run = false;
  bool yes = false;
  bool interactive = false;
  bool merge = false;
};

constexpr std::string_view kCommand = "ambit apply";
Sought Everything() { return {.command = kCommand, .paths = {}, .typed = {}}; }

/// Only the paths where something went wrong.
void PrintTroubles(const ApplyReport& report) {
  ApplyReport troubles = report;
  std::erase_if(troubles.paths,
                [](const PlannedPath& path) { return path.verdict == Verdict::kApply; });
  Print(troubles);
}

Result<review::ApplyRequest> RequestOf(const Opened& opened, const ApplyFlags& flags) {
  review::ApplyRequest request;
  AMBIT_TRY(request.paths, PathsInProject(opened.meta, flags.paths, flags.directory));
  AMBIT_TRY(request.consents, PathsInProject(opened.meta, flags.consents, flags.directory));
  AMBIT_TRY(request.replaced, PathsInProject(opened.meta, flags.replaced, flags.directory));
  return request;
}

Status CheckNamesSomething(const std::vector<std::string>& wanted, const ApplyPlan& plan) {
  const std::string* nothing = review::FindNamingNothing(wanted, plan.paths);
  if (nothing == nullptr) return {};
  return Fail(Errc::kInvalidArgument, fmt::format("no change at '{}' is to be applied", *nothing),
              "'ambit diff --name-status' lists what the run changed");
}

/// One that the gate still holds is no slip: the report says what it lacks.
Status CheckReplacesSomething(const std::vector<std::string>& wanted, const ApplyPlan& plan) {
  for (const std::string& path : wanted) {
    const bool named = std::ranges::any_of(plan.paths, [&](const PlannedPath& planned) {
      return planned.path == path && (planned.replaced || planned.verdict == Verdict::kConflict ||
                                      planned.verdict == Verdict::kHeld);
    });
    if (named) continue;
    return Fail(Errc::kInvalidArgument, fmt::format("--replace '{}': there is no conflict", path),
                "'ambit apply --dry-run' lists the conflicts; it takes the path of one file");
  }
  return {};
}

constexpr std::size_t kMaxShownLines = 60;
constexpr std::size_t kMaxShownLine = 500;  // bytes
constexpr std::uint64_t kMaxShownFile = 1U << 20;

/// The beginning of an escaped line, cut between two characters.
std::string FirstOf(std::string_view line, std::size_t bytes) {
  if (line.size() <= bytes) return std::string(line);
  while (bytes > 0 && (static_cast<unsigned char>(line[bytes]) & 0xC0U) == 0x80) --bytes;
  return std::string(line.substr(0, bytes)) + "...";
}

class Applying {
 public:
  static Result<Applying> Of(const Opened& opened, workspace::OverlayLayer layer) {
    Fd upper(::open(layer.upper.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!upper) return FailErrno(errno, fmt::format("open layer '{}'", layer.upper));
    // By descriptor: what is walked is what was checked, wherever its name leads by now.
    layer.lower = fmt::format("/proc/self/fd/{}", opened.tree.fd());
    layer.upper = fmt::format("/proc/self/fd/{}", upper.get());
    AMBIT_TRY(workspace::ChangeSet changes, workspace::WalkChanges(layer));
    AMBIT_TRY(workspace::Masks masks, workspace::Masks::Load(layer.mask));
    Applying applying(opened, std::move(layer), std::move(upper), std::move(changes));
    applying.masked_ =
        review::JoinMasked(opened.tree, applying.upper_.get(), masks, applying.changes_);
    applying.masks_ = std::move(masks);
    return applying;
  }

  void TellOfMasks(review::ApplyRequest& request) const {
    request.masked = masked_;
    request.masks = &masks_;
  }

  Result<ApplyPlan> Plan(const review::ApplyRequest& request) const {
    return review::PlanApply(opened_.tree, upper_.get(), layer_.flavour, changes_, opened_.stamp_ns,
                             review::ApplyLog::ReadLeft(opened_.run), request);
  }
  Result<review::MergedVersions> OfferMerges(const ApplyPlan& plan) const {
    return review::OfferMerges(opened_.tree, upper_.get(), plan, opened_.meta.head_commit);
  }
  /// What the run did to one path, as diff shows it, its first lines.
  void Show(const std::string& path) const {
    workspace::ChangeSet one;
    std::ranges::copy_if(changes_.changes, std::back_inserter(one.changes),
                         [&](const workspace::Change& change) {
                           const bool named = change.path == path || change.old_path == path;
                           return named && change.kind != workspace::ChangeKind::kRenamed;
                         });
    std::string text;
    const review::DiffOptions options{.for_terminal = true, .max_file_bytes = kMaxShownFile};
    const Status shown = review::RenderUnified(layer_, one, options, review::AppendTo(text));
    if (!shown) text = WithoutControls(shown.error().what) + "\n";
    std::string_view rest = text;
    for (std::size_t line = 0; line < kMaxShownLines && !rest.empty(); ++line) {
      const std::string_view whole = rest.substr(0, rest.find('\n'));
      fmt::print(stderr, "{}\n", FirstOf(whole, kMaxShownLine));
      rest.remove_prefix(std::min(whole.size() + 1, rest.size()));
    }
    if (rest.empty()) return;
    fmt::print(stderr, "... {} more: ambit diff {} -- {}\n",
               Count(static_cast<std::size_t>(std::ranges::count(rest, '\n')), "line"),
               opened_.meta.id, Printable(path));
  }
  /// The same of what is held: nothing of a secret file.
  void ShowHeld(const std::string& path) const {
    if (!masks_.Covers(path) && !masked_.contains(path)) return Show(path);
    fmt::print(stderr, "{}: a secret file, its content is not shown\n", Printable(path));
  }
  Result<ApplyReport> Do(const ApplyPlan& plan) const {
    return review::Apply(opened_.run, opened_.tree, upper_.get(), plan, opened_.stamp_ns);
  }

 private:
  Applying(const Opened& opened, workspace::OverlayLayer layer, Fd upper,
           workspace::ChangeSet changes)
      : opened_(opened),
        layer_(std::move(layer)),
        upper_(std::move(upper)),
        changes_(std::move(changes)) {}
  const Opened& opened_;
  workspace::OverlayLayer layer_;
  Fd upper_;
  workspace::ChangeSet changes_;
  review::MaskedChanges masked_;
  workspace::Masks masks_;
};

constexpr std::string_view kHelp =
    "y: yes, this one comes across. n, or nothing: no, it stays as it is.\n"
    "q, Ctrl-D or Ctrl-C: stop, and apply nothing at all. Nothing is written before the last\n"
    "answer, and 'ambit undo' takes it all back.";

/// False when a question got no answer.
bool AskForEach(const Applying& applying, const ApplyPlan& plan, review::ApplyRequest& request) {
  for (const PlannedPath& planned : plan.paths) {
    const std::string change = fmt::format("{} {}", planned.letter, ShownPath(planned));
    if (planned.verdict == Verdict::kConflict && planned.replaceable) {
      applying.Show(planned.path);
      const auto yes = AskYesOrLeave(
          fmt::format("{}: {}. Take the run's version? 'ambit undo' brings yours back.", change,
                      Printable(planned.reason)),
          kHelp);
      if (!yes) return false;
      if (*yes) request.replaced.push_back(planned.path);
    } else if (planned.verdict == Verdict::kApply && !planned.directory) {
      if (request.merged.contains(planned.path)) continue;  // that was asked already
      applying.Show(planned.path);
      const auto yes = AskYesOrLeave(change + "?", kHelp);
      if (!yes) return false;
      if (!*yes) request.declined.push_back(planned.path);
    }
  }
  return true;
}

/// Everything a person is asked at the terminal. False: nothing is to be applied, also when one of
/// the questions got no answer. Held paths that get a yes are added to the consents, conflicts to
/// what is replaced; with -i what gets none is declined.
bool AskAll(const Applying& applying, const ApplyPlan& plan, const ApplyFlags& flags,
            review::ApplyRequest& request) {
  std::size_t count = 0;
  for (const PlannedPath& planned : plan.paths) {
    if (planned.verdict == Verdict::kApply && !planned.directory) ++count;
  }
  if (flags.interactive) {
    if (!AskForEach(applying, plan, request)) return false;
  } else if (!flags.yes && !flags.agreed && count != 0 &&
             !AskYes(fmt::format("Apply {}?", Count(count, "change")))) {
    return false;
  }
  for (const PlannedPath& planned : plan.paths) {
    if (planned.verdict != Verdict::kHeld || planned.directory) continue;
    if (flags.interactive) applying.ShowHeld(planned.path);
    const auto yes = AskYesOrLeave(
        fmt::format("{}: {}. Apply it too?", ShownPath(planned), Printable(planned.reason)),
        flags.interactive ? kHelp : "");
    if (!yes) return false;
    if (*yes) request.consents.push_back(planned.path);
  }
  return true;
}

void PrintGit(const ApplyPlan& plan, const Opened& opened) {
  for (const workspace::GitChange& git : plan.git) {
    fmt::print(stderr, "ambit: {}: {} of git {} inside; commits come by 'ambit branch' ({})\n",
               Printable(git.path), Count(git.files, "file"), git.files == 1 ? "stays" : "stay",
               opened.meta.id);
  }
  if (!plan.git.empty()) NameOtherRefs(opened.meta, opened.run.path);
}

/// The way on, where a file stayed because both sides changed it.
void TellOfConflicts(const ApplyReport& report, const Opened& opened, const ApplyFlags& flags) {
  const auto files = std::ranges::count_if(report.paths, &PlannedPath::replaceable);
  if (files == 0) return;
  const bool mergeable = !flags.merge && !opened.meta.head_commit.empty() &&
                         std::ranges::any_of(report.paths, &PlannedPath::mergeable);
  fmt::print(stderr,
             "ambit: you and the run both changed {}: {}'--replace PATH' takes the run's version, "
             "and 'ambit undo' brings yours back\n",
             Count(static_cast<std::size_t>(files), "file"),
             mergeable ? "'--merge' joins the edits of a text where it can, " : "");
}

/// The way on for what the gate held.
void TellOfHeld(const ApplyReport& report) {
  const auto held = std::ranges::count_if(report.paths, [](const PlannedPath& path) {
    return path.verdict == Verdict::kHeld && !path.directory;
  });
  if (held == 0) return;
  fmt::print(stderr, "ambit: {} held: '--consent PATH' brings one, for each of them\n",
             Count(static_cast<std::size_t>(held), "file"));
}

/// The merged versions somebody wants: with -i those that get a yes, else all that --merge finds.
/// nullopt: nothing is to be applied, because a question got no answer.
std::optional<review::MergedVersions> ChooseMerges(const Applying& applying, const ApplyPlan& plan,
                                                   const ApplyFlags& flags, bool can_ask) {
  review::MergedVersions chosen;
  if (!flags.merge && !(flags.interactive && can_ask)) return chosen;
  auto offered = applying.OfferMerges(plan);
  if (!offered) {
    fmt::print(stderr, "ambit: nothing can be merged: {}\n", WithoutControls(offered.error().what));
    return chosen;
  }
  for (auto& [path, version] : *offered) {
    if (flags.interactive && can_ask && !version.in_conflict && !version.hunks.empty()) {
      const auto yes = AskYesOrLeave(
          fmt::format("{}: the host and the run changed it, which makes together\n{}Apply that?",
                      Printable(path), version.hunks),
          kHelp);
      if (!yes) return std::nullopt;
      if (!*yes) continue;
    }
    chosen.emplace(path, std::move(version));
  }
  return chosen;
}

Result<int> ApplyRun(const ApplyFlags& flags) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(workspace::RunMeta meta, FindRun(store, person, flags.run, flags.directory));
  if (flags.run.empty()) NameChosen(meta);
  auto layer = ProjectLayerOf(store, meta);
  if (!layer && flags.run.empty()) TellOfOlderWork(store, meta, Everything());
  if (!layer) return std::unexpected(layer.error());
  AMBIT_TRY(Opened opened, OpenRun(std::move(store), std::move(meta)));
  AMBIT_CHECK(opened.tree.Lock());
  AMBIT_TRY(ReviewJournal journal, ReviewJournal::Open(opened.run));
  AMBIT_TRY(const auto recovered, RecoverAll(opened, journal));
  if (recovered) PrintTroubles(*recovered);
  AMBIT_CHECK(review::CheckLayerFits(opened.run));
  AMBIT_TRY(const Applying applying, Applying::Of(opened, *std::move(layer)));
  AMBIT_TRY(review::ApplyRequest request, RequestOf(opened, flags));
  applying.TellOfMasks(request);
  AMBIT_TRY(request.auto_exec, AutoExecOf(opened.meta));
  AMBIT_TRY(ApplyPlan plan, applying.Plan(request));
  if (const Status named = CheckNamesSomething(request.paths, plan); !named) {
    if (flags.run.empty()) {
      TellOfOlderWork(opened.store, opened.meta,
                      {.command = kCommand, .paths = request.paths, .typed = flags.paths});
    }
    return std::unexpected(named.error());
  }
  AMBIT_CHECK(CheckNamesSomething(request.consents, plan));
  AMBIT_CHECK(CheckReplacesSomething(request.replaced, plan));
  if (plan.paths.empty()) {
    PrintGit(plan, opened);
    fmt::print(stderr, "ambit: {}: nothing to apply\n", opened.meta.id);
    const bool all = flags.run.empty() && request.paths.empty();
    if (all && plan.git.empty()) TellOfOlderWork(opened.store, opened.meta, Everything());
    TellOfOtherLayers(opened.meta, opened.run);
    return 0;
  }
  const bool terminal = ::isatty(0) == 1 && ::isatty(2) == 1;
  auto merges = ChooseMerges(applying, plan, flags, terminal && !flags.dry_run);
  if (!merges) {
    fmt::print(stderr, "ambit: nothing was applied\n");
    return kLeftOut;
  }
  request.merged = *std::move(merges);
  if (!request.merged.empty()) {
    AMBIT_TRY(plan, applying.Plan(request));
  }
  if (flags.dry_run || !(flags.yes || terminal)) {
    const ApplyReport planned{.paths = plan.paths};
    Print(planned);
    PrintGit(plan, opened);
    TellOfConflicts(planned, opened, flags);
    TellOfHeld(planned);
    if (flags.dry_run) return ExitCodeOf(plan.Complete());
    fmt::print(stderr,
               "ambit: nothing was applied: there is no terminal to ask at; --yes applies\n");
    return kLeftOut;
  }
  if (terminal && (!flags.yes || flags.interactive)) {
    if (!flags.agreed) Print(ApplyReport{.paths = plan.paths});
    if (!AskAll(applying, plan, flags, request)) {
      fmt::print(stderr, "ambit: nothing was applied\n");
      return kLeftOut;
    }
    AMBIT_TRY(plan, applying.Plan(request));
  }
  AMBIT_CHECK(journal.ApplyStarted(plan, request));
  const Result<ApplyReport> report = applying.Do(plan);
  const Status written = journal.ApplyEnded(report);
  if (!report) return std::unexpected(report.error());
  // Without the mark 'prune' asks once more: no reason to fail.
  (void)workspace::SetMark(opened.run, workspace::kReviewedMark);
  if (report->Complete() && request.paths.empty() && request.declined.empty() && plan.git.empty() &&
      opened.meta.layers.size() == 1) {
    (void)workspace::SetMark(opened.run, workspace::kTakenMark);
  }
  Print(*report);
  PrintGit(plan, opened);
  TellOfConflicts(*report, opened, flags);
  TellOfHeld(*report);
  AMBIT_CHECK(written);
  return ExitCodeOf(report->Complete() && request.declined.empty());
}

}  // namespace

Result<int> ApplyAgreed(const std::string& run) {
  ApplyFlags flags;
  flags.run = run;
  flags.agreed = true;
  return ApplyRun(flags);
}

void AddApply(NewCommand ambit) {
  auto flags = std::make_shared<ApplyFlags>();
  auto of = std::make_shared<RunAndPaths>();
  NewCommand apply = ambit.AddCommand("apply", "Bring what a run changed into the project");
  of->AddTo(apply);
  AddDirectoryFlag(apply, flags->directory);
  apply
      .AddFlag("--consent", flags->consents,
               "A held path that may come across as well; may be repeated")
      .Takes("PATH");
  apply
      .AddFlag("--replace", flags->replaced,
               "A file you changed as well: take the run's version; may be repeated")
      .Takes("PATH");
  apply.AddFlag("--dry-run", flags->dry_run, "Show what would happen");
  apply.AddFlag("--yes", flags->yes, "Do not ask; what is held stays held");
  apply.AddFlag("-i,--interactive", flags->interactive, "Ask for each file");
  apply.AddFlag("--merge", flags->merge,
                "Where the host changed a text file too, apply what both edits make together");
  apply.Does([flags, of] {
    flags->run = of->run();
    flags->paths = of->paths();
    return ApplyRun(*flags);
  });
}

}  // namespace ambit::cli
