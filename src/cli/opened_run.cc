#include "cli/opened_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/text.h"
#include "cli/runs.h"
#include "review/apply_stage.h"
#include "workspace/run_removal.h"
#include "workspace/stamp.h"

namespace ambit::cli {
namespace {

using review::ApplyReport;
using review::PlannedPath;
using review::Verdict;

void Print(const PlannedPath& planned) {
  const std::string path = ShownPath(planned);
  const std::string reason = Printable(planned.reason);
  switch (planned.verdict) {
    case Verdict::kApply:
      fmt::print("{} {}{}\n", planned.letter, path, reason.empty() ? "" : " (" + reason + ")");
      return;
    case Verdict::kHeld:
      fmt::print("held {}: {}\n", path, reason);
      return;
    case Verdict::kConflict:
      fmt::print("conflict {}: {}\n", path, reason);
      return;
    case Verdict::kRefused:
      fmt::print("refused {}: {}\n", path, reason);
      return;
  }
}

/// Finishes or takes back what an interrupted apply of `run` left. Returns what was taken back.
Result<std::optional<ApplyReport>> RecoverOne(const workspace::RunDir& run,
                                              const review::ProjectTree& tree,
                                              ReviewJournal& journal) {
  AMBIT_TRY(auto recovery, review::Recover(run, tree));
  if (!recovery) return std::nullopt;
  AMBIT_CHECK(journal.ApplyRecovered(recovery->taken_back));
  fmt::print(stderr, "ambit: an apply of {} was interrupted; it is {} now\n", run.id,
             recovery->taken_back ? "taken back" : "finished");
  if (!recovery->taken_back) return std::nullopt;
  return std::move(recovery->report);
}

}  // namespace

Result<Opened> OpenRun(workspace::RunStore store, workspace::RunMeta meta) {
  const auto record = std::ranges::find(meta.layers, "project", &workspace::RunLayer::name);
  if (record == meta.layers.end()) {
    return Fail(Errc::kNotFound, fmt::format("run {} has no layer of the project", meta.id),
                "it was started with '--project ro' or '--project rw'");
  }
  if (workspace::IsAlive(meta)) {
    return Fail(Errc::kDenied, fmt::format("run {} is still alive", meta.id),
                "wait for its end, or end it; nothing is applied from under it");
  }
  AMBIT_TRY(workspace::RunDir run, store.OpenRun(meta.id));
  AMBIT_CHECK(workspace::LockWork(run));
  AMBIT_TRY(review::ProjectTree tree,
            review::ProjectTree::Open(record->lower, record->lower_device, record->lower_inode));
  const std::int64_t stamp_ns = workspace::StampToCompare(meta, *record, tree.fd());
  if (stamp_ns != record->stamp_ns) {
    fmt::print(stderr,
               "ambit: the clock was set back since the run began; what the host may have "
               "changed meanwhile counts as changed\n");
  }
  return Opened{.store = std::move(store),
                .meta = std::move(meta),
                .run = std::move(run),
                .tree = std::move(tree),
                .stamp_ns = stamp_ns};
}

std::string ShownPath(const PlannedPath& planned) {
  return Printable(planned.path) + (planned.directory ? "/" : "");
}

void Print(const ApplyReport& report) {
  for (const PlannedPath& planned : report.paths) Print(planned);
  for (const std::string& note : report.notes) {
    fmt::print(stderr, "ambit: {}\n", WithoutControls(note));
  }
}

Result<std::optional<ApplyReport>> RecoverAll(const Opened& opened, ReviewJournal& journal) {
  AMBIT_TRY(auto own, RecoverOne(opened.run, opened.tree, journal));
  AMBIT_TRY(const std::vector<std::string> ids, review::InterruptedRuns(opened.tree));
  for (const std::string& id : ids) {
    if (const auto run = opened.store.OpenRun(id); run && id != opened.run.id) {
      AMBIT_CHECK(workspace::LockWork(*run));
      AMBIT_TRY(ReviewJournal its, ReviewJournal::Open(*run));
      AMBIT_TRY(const auto report, RecoverOne(*run, opened.tree, its));
      if (report || !review::Staging::Exists(opened.tree, id)) continue;
    }
    return Fail(Errc::kNotFound,
                fmt::format("'{}/{}{}' is of an apply nobody remembers", opened.tree.path(),
                            review::kStagingPrefix, id),
                "look into it, take what you need, and remove it");
  }
  return own;
}

int ExitCodeOf(bool complete) { return complete ? 0 : kLeftOut; }

}  // namespace ambit::cli
