#include "cli/run_work.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <ctime>
#include <optional>
#include <vector>

#include "base/text.h"
#include "cli/runs.h"
#include "review/diff.h"
#include "workspace/change_dir.h"
#include "workspace/run_removal.h"

namespace ambit::cli {
namespace {

using workspace::ChangeKind;
using workspace::RunMeta;
using workspace::RunStore;

constexpr std::size_t kMostLookedAt = 50;  // runs

/// What is left to take of a finished run at `paths` (empty: everywhere), for people; nullopt when
/// there is nothing.
std::optional<std::string> WorkIn(const RunStore& store, const RunMeta& meta,
                                  std::span<const std::string> paths) {
  if (workspace::IsAlive(meta)) return std::nullopt;
  const auto run = store.OpenRun(meta.id);
  if (!run || workspace::HasMark(*run, workspace::kTakenMark) || !workspace::HasWork(*run)) {
    return std::nullopt;
  }
  const auto layer = ProjectLayerOf(store, meta);
  auto set = layer ? workspace::WalkChanges(*layer) : std::unexpected(layer.error());
  if (!set) return std::nullopt;
  if (!paths.empty()) review::LimitTo(*set, paths);
  if (!set->changes.empty()) return Count(set->changes.size(), "change");
  if (!set->git.empty()) return "changes of git";
  return std::nullopt;
}

}  // namespace

std::string CountsOf(std::span<const workspace::Change> changes) {
  std::size_t added = 0;
  std::size_t modified = 0;
  std::size_t deleted = 0;
  std::size_t renamed = 0;
  std::size_t directories = 0;
  for (const workspace::Change& change : changes) {
    if (change.kind == ChangeKind::kRenamed) {
      ++renamed;
    } else if (S_ISDIR(change.new_mode != 0 ? change.new_mode : change.old_mode)) {
      ++directories;
    } else if (change.kind == ChangeKind::kAdded) {
      ++added;
    } else if (change.kind == ChangeKind::kDeleted) {
      ++deleted;
    } else {
      ++modified;
    }
  }
  std::vector<std::string> parts;
  const auto part = [&](std::size_t count, std::string_view what) {
    if (count != 0) parts.push_back(fmt::format("{} {}", count, what));
  };
  part(added, "added");
  part(modified, "modified");
  part(deleted, "deleted");
  std::vector<std::string> all;
  if (const std::size_t files = added + modified + deleted; files != 0) {
    all.push_back(fmt::format("{} ({})", Count(files, "file"), fmt::join(parts, ", ")));
  }
  if (renamed != 0) all.push_back(fmt::format("{} renamed", Count(renamed, "directory")));
  if (directories != 0) all.push_back(Count(directories, "directory"));
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string NameAndTime(const RunMeta& run) {
  constexpr std::size_t kDay = 10;     // "2026-01-31"
  constexpr std::size_t kMinute = 16;  // "2026-01-31 23:59"
  const std::string now = LocalTime(std::time(nullptr) * 1'000'000'000LL);
  const std::string then = LocalTime(run.started_ns).substr(0, kMinute);
  const bool today = then.substr(0, kDay) == now.substr(0, kDay);
  return fmt::format("{} of {}", run.id, today ? then.substr(kDay + 1) : then);
}

void NameChosen(const RunMeta& run) {
  const std::string command = run.argv.empty() ? "" : run.argv.front();
  fmt::print(stderr, "ambit: run {} ({})\n", NameAndTime(run),
             Printable(command.substr(command.rfind('/') + 1)));  // npos + 1 is 0
}

bool TellOfOlderWork(const RunStore& store, const RunMeta& chosen, const Sought& sought) {
  const auto runs = store.List();
  if (!runs || WorkIn(store, chosen, sought.paths)) return false;
  std::size_t looked_at = 0;
  for (const workspace::RunEntry& entry : *runs) {
    if (!entry.meta || entry.id == chosen.id || entry.meta->project != chosen.project) continue;
    if (++looked_at > kMostLookedAt) return false;
    const auto work = WorkIn(store, *entry.meta, sought.paths);
    if (!work) continue;
    const bool changed_nothing = ProjectLayerOf(store, chosen).has_value();
    const std::string_view nothing = sought.paths.empty()
                                         ? "changed nothing that the project has not"
                                         : "has nothing for these paths";
    std::string paths = sought.typed.empty() ? "" : " --";
    for (const std::string& path : sought.typed) paths += " " + Printable(path);
    fmt::print(stderr, "ambit: {}run {} has {}: {} {}{}\n",
               changed_nothing ? fmt::format("run {} {}; ", chosen.id, nothing) : "",
               NameAndTime(*entry.meta), *work, sought.command, entry.id, paths);
    return true;
  }
  return false;
}

void TellOfOtherLayers(const RunMeta& meta, const workspace::RunDir& run) {
  std::vector<std::string> written;
  for (const workspace::RunLayer& layer : meta.layers) {
    if (!layer.name.starts_with("cow-")) continue;
    const auto upper = workspace::OpenNoFollow(run.fd.get(), layer.upper, O_RDONLY | O_DIRECTORY);
    const auto names = upper ? workspace::NamesIn(upper->get()) : std::unexpected(upper.error());
    if (names && !names->empty()) written.push_back(Printable(layer.target));
  }
  if (written.empty()) return;
  fmt::print(stderr,
             "ambit: run {0} wrote below {1}: that stays in the run, is not shown here and never "
             "applied; 'ambit discard {0}' drops it, with all else of the run\n",
             meta.id, fmt::join(written, ", "));
}

}  // namespace ambit::cli
