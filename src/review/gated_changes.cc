// Which changes are shown, and which of them the gate speaks of (diff.h).
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ranges>
#include <utility>

#include "review/content.h"
#include "review/diff.h"
#include "review/gate_git_directories.h"
#include "review/merged_view.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeKind;
using workspace::ChangeSet;

constexpr std::size_t kMaxMovedFiles = 100'000;
constexpr std::uint64_t kMaxPackageBytes = 4U << 20;

bool IsAtOrUnder(std::string_view path, std::string_view directory) {
  if (directory.empty()) return true;
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool Concerns(const Change& change, std::string_view limit) {
  const bool old_one = !change.old_path.empty() && IsAtOrUnder(change.old_path, limit);
  if (old_one || IsAtOrUnder(change.path, limit)) return true;
  return change.kind == ChangeKind::kRenamed &&
         (IsAtOrUnder(limit, change.path) || IsAtOrUnder(limit, change.old_path));
}

/// The text of a side of a package.json; what is none, is too large or cannot be read is no JSON.
std::string PackageText(const Side& side) {
  return side.state == SideState::kText ? side.text : std::string("\0", 1);
}

bool ScriptsChanged(const Layers& layers, const Change& change) {
  const std::string before =
      S_ISREG(change.old_mode)
          ? PackageText(layers.Old(change.old_path, change.old_mode, kMaxPackageBytes))
          : "";
  const std::string after =
      S_ISREG(change.new_mode)
          ? PackageText(layers.New(change.path, change.new_mode, kMaxPackageBytes))
          : "";
  return LifecycleScriptsChanged(before, after);
}

GateDecision Stricter(GateDecision left, GateDecision right) {
  return right.verdict > left.verdict ? right : left;
}

GateDecision DecisionOf(const Layers& layers, const Change& change) {
  const mode_t mode = change.kind == ChangeKind::kDeleted ? change.old_mode : change.new_mode;
  if (S_ISLNK(mode)) return GateOfLink(change.path, change.link_target);
  const GateDecision decision = GateOf(change.path);
  if (layers.masks().Covers(change.old_path.empty() ? change.path : change.old_path)) {
    return {.verdict = GateVerdict::kHeld, .reason = "a secret file, which the run saw masked"};
  }
  const bool content = change.kind != ChangeKind::kModeChanged;
  if (decision.verdict == GateVerdict::kShown && IsPackageJson(change.path) && content &&
      ScriptsChanged(layers, change)) {
    return {.verdict = GateVerdict::kHeld, .reason = "its lifecycle scripts changed"};
  }
  return decision;
}

}  // namespace

void LimitTo(ChangeSet& set, std::span<const std::string> paths) {
  const auto concerned = [&](const auto& holds) { return std::ranges::any_of(paths, holds); };
  std::erase_if(set.changes, [&](const Change& change) {
    return !concerned([&](const std::string& limit) { return Concerns(change, limit); });
  });
  std::erase_if(set.git, [&](const workspace::GitChange& git) {
    return !concerned([&](const std::string& limit) {
      return IsAtOrUnder(git.path, limit) || IsAtOrUnder(limit, git.path);
    });
  });
}

Result<std::vector<GatedChange>> GatedChanges(const workspace::OverlayLayer& layer,
                                              const ChangeSet& set) {
  AMBIT_TRY(const Layers layers, Layers::Open(layer));
  AMBIT_TRY(const MergedView after, MergedView::Open(layer));
  AMBIT_TRY(HostGit host_git,
            HostGit::Read(layer.lower, std::views::transform(set.changes, &Change::path)));
  const auto exists = [&](const std::string& path) {
    if (workspace::OpenNoFollow(layers.lower(), path, O_PATH)) return true;
    const auto found = after.Find(path);
    return found && found->has_value();
  };
  GitDirectories git(exists, std::move(host_git));
  std::vector<GatedChange> out;
  const auto add = [&](const std::string& path, GateDecision decision) {
    decision = Stricter(decision, git.GateOf(path));
    if (decision.verdict != GateVerdict::kOpen) out.push_back({path, decision});
  };
  for (const Change& change : set.changes) {
    // A directory says nothing by itself: what it holds is in the list.
    if (!S_ISDIR(change.new_mode != 0 ? change.new_mode : change.old_mode)) {
      add(change.path, DecisionOf(layers, change));
    }
    if (change.kind != ChangeKind::kRenamed) continue;
    const auto files = workspace::ListFiles(layers.lower(), change.old_path, kMaxMovedFiles);
    if (!files) {
      add(change.path, {GateVerdict::kHeld, "what moved along with it cannot be listed"});
      continue;
    }
    for (const std::string& file : *files) {
      const std::string path = change.path + file.substr(change.old_path.size());
      add(path, GateOf(path));
    }
  }
  return out;
}

}  // namespace ambit::review
