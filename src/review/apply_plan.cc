// Which paths come across, and in which steps (apply_plan.h).
#include "review/apply_plan.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/path.h"
#include "review/apply_entries.h"
#include "review/apply_judge.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeSet;

std::string_view AncestorIn(const Entries& entries, std::string_view path) {
  const std::string_view parent = ParentOf(path);
  return !parent.empty() && entries.contains(parent) ? parent : std::string_view();
}

void Select(Entries& entries, const ApplyRequest& request) {
  for (auto& item : entries) {
    const std::string& path = item.first;
    item.second.selected = request.paths.empty() ||
                           std::ranges::any_of(request.paths, [&path](const std::string& wanted) {
                             return IsAtOrBelow(path, wanted);
                           });
  }
  for (auto& [path, entry] : entries) {
    if (!entry.selected) continue;
    if (!entry.moved_from.empty()) entries.find(entry.moved_from)->second.selected = true;
    if (!entry.moves_to.empty()) entries.find(entry.moves_to)->second.selected = true;
  }
  for (auto it = entries.rbegin(); it != entries.rend(); ++it) {  // a parent comes after its child
    if (!it->second.selected || !it->second.puts) continue;
    const std::string_view above = AncestorIn(entries, it->first);
    if (!above.empty()) entries.find(above)->second.selected = true;
  }
  std::erase_if(entries, [](const auto& item) { return !item.second.selected; });
}

/// What a person said no to is left out without a word, as is what would only be there for it.
void Decline(Entries& entries, const ApplyRequest& request) {
  for (const std::string& path : request.declined) {
    const auto found = entries.find(path);
    if (found == entries.end()) continue;
    found->second.verdict = Verdict::kHeld;
    found->second.declined = true;
  }
}

void LeaveOut(Entry& entry, Verdict verdict, std::string reason) {
  if (entry.verdict != Verdict::kApply) return;
  entry.verdict = verdict;
  entry.reason = std::move(reason);
}

/// What lies in a directory that does not come across does not either.
void PropagateDown(Entries& entries) {
  for (auto& [path, entry] : entries) {
    const std::string_view above = AncestorIn(entries, path);
    if (above.empty() || !entry.puts) continue;
    const Entry& parent = entries.find(above)->second;
    if (!parent.puts || parent.verdict == Verdict::kApply) continue;
    entry.silent = entry.silent || parent.too_deep;
    entry.too_deep = entry.too_deep || parent.too_deep;
    LeaveOut(entry, parent.verdict, "its directory is left out");
  }
}

void JoinMoves(Entries& entries) {
  for (auto& [path, entry] : entries) {
    if (entry.moved_from.empty()) continue;
    Entry& source = entries.find(entry.moved_from)->second;
    if (source.verdict != Verdict::kApply) {
      LeaveOut(entry, source.verdict, "what it is made of stays where it is");
    } else if (entry.verdict != Verdict::kApply) {
      LeaveOut(source, entry.verdict, "where it would go is left out");
    }
  }
}

/// A directory that still holds something stays.
void PropagateUp(Entries& entries, const ChangeSet& changes, const std::set<std::string>& staying) {
  std::unordered_map<std::string, Verdict> kept;
  const auto keep_above = [&](std::string_view path, Verdict verdict) {
    for (auto above = ParentOf(path); !above.empty(); above = ParentOf(above)) {
      if (!kept.emplace(above, verdict).second) break;
    }
  };
  for (const std::string& path : staying) keep_above(path, Verdict::kRefused);
  for (const workspace::GitChange& git : changes.git) keep_above(git.path, Verdict::kRefused);
  for (auto it = entries.rbegin(); it != entries.rend(); ++it) {
    Entry& entry = it->second;
    if (!entry.removes) continue;
    const auto found = kept.find(it->first);
    if (found != kept.end()) LeaveOut(entry, found->second, "something in it stays");
    if (entry.verdict != Verdict::kApply) keep_above(it->first, entry.verdict);
  }
}

/// A new directory of which nothing comes across would only stand there empty.
void DropEmpty(Entries& entries) {
  std::unordered_map<std::string, bool> lives;  // directory -> something in it comes across
  for (auto it = entries.rbegin(); it != entries.rend(); ++it) {
    Entry& entry = it->second;
    if (!entry.puts) continue;
    if (S_ISDIR(entry.new_mode)) {
      const auto found = lives.find(it->first);
      const bool dead = found == lives.end() ? entry.held_directory : !found->second;
      if (dead) LeaveOut(entry, Verdict::kHeld, "nothing in it comes across");
    }
    const std::string parent(ParentOf(it->first));
    if (!parent.empty()) {
      bool& live = lives.try_emplace(parent, false).first->second;
      live = live || entry.verdict == Verdict::kApply;
    }
  }
}

/// Why nothing comes of a wish that was a directory's name, or that a directory is in the way of.
void TellOfDirectories(Entries& entries, const ApplyRequest& request) {
  for (const std::string& path : request.replaced) {
    const auto found = entries.find(path);
    if (found == entries.end() || found->second.verdict != Verdict::kConflict) continue;
    Entry& entry = found->second;
    if (S_ISDIR(entry.old_mode) || S_ISDIR(entry.new_mode)) {
      entry.reason += "; --replace takes the place of files, not of directories";
    }
  }
}

PlannedPath Describe(const Entry& entry) {
  const bool has_old = entry.removes || entry.chmods;
  return {.letter = !entry.puts && !entry.chmods ? 'D'
                    : has_old                    ? 'M'
                                                 : 'A',
          .path = entry.path,
          .directory = S_ISDIR(entry.puts || entry.chmods ? entry.new_mode : entry.old_mode),
          .verdict = entry.verdict,
          .reason = entry.reason,
          .mergeable = entry.mergeable && entry.verdict == Verdict::kConflict,
          .replaceable = entry.replaceable && entry.verdict == Verdict::kConflict,
          .replaced = entry.replaced};
}

const std::string& MergedText(const ApplyRequest& request, const std::string& path) {
  const auto masked = request.masked.find(path);
  return masked != request.masked.end() ? masked->second.text : request.merged.at(path).text;
}

}  // namespace

Result<ApplyPlan> PlanApply(const ProjectTree& tree, int upper, workspace::OverlayFlavour flavour,
                            const ChangeSet& changes, std::int64_t stamp_ns, const LeftBehind& left,
                            const ApplyRequest& request) {
  if (changes.truncated) {
    return Fail(Errc::kLimit, "the run changed more, or deeper, than can be listed",
                "nothing was applied; 'ambit diff' shows what can be shown");
  }
  AMBIT_TRY(Gathered gathered, GatherEntries(tree, changes));
  Entries& entries = gathered.entries;
  Select(entries, request);
  AMBIT_TRY(HostGit host_git, HostGit::Read(tree.path(), std::views::keys(entries)));
  Judge judge(tree, upper, flavour, stamp_ns, left, request, entries, std::move(host_git));
  for (auto& [path, entry] : entries) {
    const std::string_view above = AncestorIn(entries, path);
    if (!above.empty() && entries.find(above)->second.too_deep) {
      entry.verdict = Verdict::kRefused;
      entry.too_deep = entry.silent = true;
      continue;
    }
    judge.Decide(entry);
  }
  Decline(entries, request);
  PropagateDown(entries);
  JoinMoves(entries);
  PropagateUp(entries, changes, gathered.staying);
  DropEmpty(entries);
  TellOfDirectories(entries, request);
  ApplyPlan plan;
  plan.steps = StepsFor(entries);
  for (const Step& step : plan.steps) {
    if (step.merged) plan.merged.emplace(step.path, MergedText(request, step.path));
  }
  plan.renames = std::ranges::any_of(changes.changes, [](const Change& change) {
    return change.kind == workspace::ChangeKind::kRenamed;
  });
  for (const auto& [path, entry] : entries) {
    if (!entry.silent && !entry.declined) plan.paths.push_back(Describe(entry));
  }
  for (const workspace::GitChange& git : changes.git) {
    const auto host = tree.Look(git.path);
    if (host && *host) {
      plan.git.push_back(git);
    } else if (request.paths.empty()) {
      plan.paths.push_back({.letter = 'A',
                            .path = git.path,
                            .directory = true,
                            .verdict = Verdict::kRefused,
                            .reason = std::string(GateOf(git.path).reason)});
    }
  }
  std::ranges::sort(plan.paths, PathOrder(), &PlannedPath::path);
  return plan;
}

}  // namespace ambit::review
