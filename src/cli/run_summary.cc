#include "cli/run_summary.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/run.h"
#include "cli/run_work.h"
#include "cli/runs.h"
#include "host/facts.h"
#include "workspace/change_walk.h"
#include "workspace/run_removal.h"
#include "workspace/run_store.h"

namespace ambit::cli {
namespace {

constexpr std::size_t kLongestText = 200;

/// What the run left in its layer of the project, for people; empty: nothing, or nothing to review.
Result<std::string> ChangesOf(const std::string& id) {
  AMBIT_TRY(const host::Person person, host::ReadPerson());
  AMBIT_TRY(const workspace::RunStore store, OpenStore(person));
  AMBIT_TRY(const workspace::RunDir run, store.OpenRun(id));
  if (!workspace::HasWork(run)) return std::string();
  AMBIT_TRY(const workspace::RunMeta meta, workspace::RunStore::ReadMeta(run));
  AMBIT_TRY(const workspace::OverlayLayer layer, ProjectLayerOf(store, meta));
  AMBIT_TRY(const workspace::ChangeSet set, workspace::WalkChanges(layer));
  std::string changes = CountsOf(set.changes);
  if (set.truncated) changes += " and more";
  if (!set.git.empty()) changes += changes.empty() ? "files of git" : ", and files of git";
  return changes;
}

std::string Shown(const std::string& text) {
  return Printable(std::string_view(text).substr(0, kLongestText));
}

std::string Took(std::chrono::milliseconds took) {
  const auto seconds = static_cast<double>(took.count()) / 1000;
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  return fmt::format("{} min {} s", took.count() / 60'000, took.count() / 1000 % 60);
}

/// What died or was refused at a limit while the run went on; empty: nothing.
std::string HeldLimitsOf(const Ended& ended) {
  const supervise::Refused& refused = ended.refused;
  std::string held;
  // When memory ended the run that is told already.
  if (refused.killed_for_memory > 0 && ended.outcome.cause != supervise::Cause::kMemoryLimit) {
    held = fmt::format("{} killed for want of memory (--memory)",
                       Count(refused.killed_for_memory, "process"));
  }
  if (refused.refused_forks > 0) {
    held += fmt::format("{}{} refused (--processes)", held.empty() ? "" : ", ",
                        Count(refused.refused_forks, "fork"));
  }
  return held;
}

/// The limit that ended the run is the one thing that it was refused, and told already.
bool IsOnlyItsEnd(const Ended& ended) {
  return supervise::IsOfLimit(ended.outcome.cause) && ended.refused.things == 1;
}

bool WasRefused(const Ended& ended) { return ended.refused.newest && !IsOnlyItsEnd(ended); }

/// What stands between a count and the newest of what was counted.
std::string_view ToTheNewest(std::uint64_t count) { return count > 1 ? ", the newest: " : ": "; }

void TellRefused(const Ended& ended) {
  const supervise::Refused& refused = ended.refused;
  const event::Refusal& newest = *refused.newest;
  Say(fmt::format("{}{} refused{}{} ({}); 'ambit why {}' tells what would allow it",
                  refused.more ? "more than " : "", Count(refused.things, "thing"),
                  ToTheNewest(refused.things), Shown(newest.what), Shown(newest.rule), ended.id));
}

/// The command is named once.
void TellFailed(const Ended& ended) {
  const supervise::Refused& refused = ended.refused;
  const event::Failure& newest = *refused.newest_failed;
  Say(fmt::format(
      "{} failed{}{}: {}{}", Count(refused.failed, "connection"), ToTheNewest(refused.failed),
      Shown(newest.what), Shown(newest.why),
      WasRefused(ended) ? "" : fmt::format("; 'ambit why {}' tells of each", ended.id)));
}

}  // namespace

void TellWhatWasRefused(const Ended& ended) {
  if (const std::string held = HeldLimitsOf(ended); !held.empty()) Say(held);
  if (WasRefused(ended)) TellRefused(ended);
  if (ended.refused.newest_failed) TellFailed(ended);
}

void TellHowItWent(const Ended& ended) {
  const Result<std::string> changes = ChangesOf(ended.id);
  const bool changed = changes && !changes->empty();
  const bool told = WasRefused(ended) || ended.refused.newest_failed;
  if (!changed && !told && HeldLimitsOf(ended).empty()) return;
  if (!supervise::IsOfLimit(ended.outcome.cause)) {  // else that is told already
    Say(fmt::format("run {} ended: {} {} after {}", ended.id,
                    supervise::NameOf(ended.outcome.cause), ended.outcome.exit_code,
                    Took(ended.took)));
  }
  if (changed) {
    Say(fmt::format("it changed {}: 'ambit diff {}' shows it, 'ambit apply {}' brings it", *changes,
                    ended.id, ended.id));
  }
  TellWhatWasRefused(ended);
}

}  // namespace ambit::cli
