// Which paths come across, and in which steps (apply_plan.h).
#include "review/apply_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <strings.h>

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "review/apply_entries.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

using workspace::Change;
using workspace::ChangeSet;

constexpr std::size_t kMaxManifestBytes = 4U << 20;
constexpr mode_t kPermissionBits = 0777;
constexpr mode_t kSpecialBits = 07000;

bool IsOrdinary(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode); }

std::string_view WordFor(mode_t mode) {
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

std::string TextBelow(int root, const std::string& path) {
  const auto file = workspace::OpenPlainFile(root, path);
  if (!file) return "\xff";  // nobody can say what is in it: taken as changed
  const std::string self = fmt::format("/proc/self/fd/{}", file->get());
  return sys::ReadSmallFile(AT_FDCWD, self.c_str(), kMaxManifestBytes).value_or("\xff");
}

class Judge {
 public:
  Judge(const ProjectTree& tree, int upper, workspace::OverlayFlavour flavour,
        std::int64_t stamp_ns, const LeftBehind& left, const ApplyRequest& request)
      : tree_(tree),
        upper_(upper),
        origin_(flavour == workspace::OverlayFlavour::kUser ? "user.overlay.origin"
                                                            : "trusted.overlay.origin"),
        stamp_ns_(stamp_ns),
        left_(left),
        request_(request) {}

  void Decide(Entry& entry) const {
    if (!PassesForm(entry) || !PassesGate(entry)) return;
    PassesHost(entry);
  }

 private:
  static bool Leave(Entry& entry, Verdict verdict, std::string reason) {
    entry.verdict = verdict;
    entry.reason = std::move(reason);
    return false;
  }
  static bool Refuse(Entry& entry, std::string reason) {
    return Leave(entry, Verdict::kRefused, std::move(reason));
  }
  static bool Conflict(Entry& entry, std::string reason) {
    return Leave(entry, Verdict::kConflict, std::move(reason));
  }

  static bool PassesForm(Entry& entry) {
    const auto depth = static_cast<std::size_t>(std::ranges::count(entry.path, '/'));
    if (depth > kMaxApplyDepth || entry.path.size() >= PATH_MAX) {
      entry.too_deep = true;
      return Refuse(entry, fmt::format("deeper than {} directories", kMaxApplyDepth));
    }
    if (entry.path.starts_with(kStagingPrefix)) return Refuse(entry, "a name ambit uses itself");
    if (entry.unreadable) return Refuse(entry, "it cannot be read");
    if (entry.puts && !IsOrdinary(entry.new_mode)) {
      return Refuse(entry, fmt::format("{} stays inside", WordFor(entry.new_mode)));
    }
    if (entry.removes && !IsOrdinary(entry.old_mode)) {
      return Refuse(entry, fmt::format("{} of the host is left as it is", WordFor(entry.old_mode)));
    }
    if (entry.puts && S_ISLNK(entry.new_mode)) {
      std::string why = WhyLinkIsRefused(entry.path, entry.link_target);
      if (!why.empty()) return Refuse(entry, std::move(why));
    }
    const bool only_mode = entry.chmods || entry.mode_only;
    if (only_mode && ((entry.old_mode ^ entry.new_mode) & kPermissionBits) == 0) {
      return Refuse(entry, "setuid, setgid and sticky bits stay as they are on the host");
    }
    return true;
  }

  bool PassesGate(Entry& entry) const {
    const bool directory = S_ISDIR(entry.puts || entry.chmods ? entry.new_mode : entry.old_mode);
    GateDecision gate = entry.puts && S_ISLNK(entry.new_mode)
                            ? GateOfLink(entry.path, entry.link_target)
                            : GateOf(directory ? entry.path + "/" : entry.path);
    if (gate.verdict == GateVerdict::kShown && entry.puts && IsManifest(entry.path) &&
        ScriptsChanged(entry)) {
      gate = {.verdict = GateVerdict::kHeld, .reason = "its lifecycle scripts changed"};
    }
    if (gate.verdict == GateVerdict::kNever) return Refuse(entry, std::string(gate.reason));
    entry.reason = gate.reason;
    if (gate.verdict != GateVerdict::kHeld) {
      const bool special = entry.puts && S_ISREG(entry.new_mode) && (entry.new_mode & kSpecialBits);
      if (special) entry.reason = "without its setuid, setgid and sticky bits";
      return true;
    }
    if (IsConsented(entry.path)) return true;
    // A directory does nothing; it is held when nothing in it comes across (DropEmpty).
    entry.held_directory = directory;
    return directory && !entry.chmods ? true : Leave(entry, Verdict::kHeld, entry.reason);
  }

  static bool IsManifest(const std::string& path) {
    return ::strcasecmp(std::string(NameOf(path)).c_str(), "package.json") == 0;
  }

  bool ScriptsChanged(const Entry& entry) const {
    if (!S_ISREG(entry.new_mode)) return true;
    const std::string now = entry.moved_from.empty() ? TextBelow(upper_, entry.path)
                                                     : TextBelow(tree_.fd(), entry.moved_from);
    const bool had = entry.removes && S_ISREG(entry.old_mode);
    return LifecycleScriptsChanged(had ? TextBelow(tree_.fd(), entry.path) : "", now);
  }

  bool IsConsented(const std::string& path) const {
    return std::ranges::any_of(request_.consents, [&](const std::string& consent) {
      if (consent == path) return true;
      // A directory that is itself gated stands for all in it; any other would consent to what
      // nobody thought of.
      const bool gated = GateOf(consent + "/x").verdict == GateVerdict::kHeld &&
                         GateOf("any/x").verdict != GateVerdict::kHeld;
      return gated && IsAtOrBelow(path, consent);
    });
  }

  bool IsUnchanged(const std::string& path, const struct stat& info) const {
    const std::int64_t ctime = ChangeTimeOf(info);
    if (stamp_ns_ != 0 && ctime < stamp_ns_) return true;
    const auto known = left_.find(path);
    return known != left_.end() && known->second.inode == info.st_ino &&
           known->second.ctime_ns == ctime;
  }

  void PassesHost(Entry& entry) const {
    const auto host = tree_.Look(entry.path);
    if (!host) {
      Conflict(entry, "the host has a mount or something unreadable on the way");
      return;
    }
    if (entry.removes || entry.chmods) {
      PassesOld(entry, *host);
    } else if (*host) {
      Conflict(entry, "the host made it meanwhile");
    } else {
      PassesNew(entry);
    }
  }

  void PassesOld(Entry& entry, const std::optional<struct stat>& host) const {
    if (!host || (host->st_mode & S_IFMT) != (entry.old_mode & S_IFMT)) {
      Conflict(entry, "the host changed it meanwhile");
      return;
    }
    entry.before = SeenOf(*host);
    // The time of a directory tells of its entries, and each of them is looked at by itself. What
    // is only moved takes along what the host wrote into it.
    if ((S_ISDIR(host->st_mode) && !entry.chmods) || !entry.moves_to.empty()) return;
    if (!IsUnchanged(entry.path, *host)) Conflict(entry, "the host changed it meanwhile");
  }

  void PassesNew(Entry& entry) const {
    if (!entry.moved_from.empty()) return;
    const std::string parent(ParentOf(entry.path));
    struct stat info{};
    if (parent.empty()) {
      if (::fstat(tree_.fd(), &info) != 0) return;
    } else {
      const auto directory = tree_.Look(parent);
      if (!directory || !*directory) return;  // it is to be made as well
      info = **directory;
    }
    // The overlay notes on what it copied up that it had an original.
    if (!IsUnchanged(parent, info) && HasOrigin(entry.path)) {
      Conflict(entry, "the host deleted or renamed it meanwhile");
    }
  }

  bool HasOrigin(const std::string& path) const {
    const std::string parent(ParentOf(path));
    Fd opened;
    if (!parent.empty()) {
      auto fd = workspace::OpenNoFollow(upper_, parent, O_PATH | O_DIRECTORY);
      if (!fd) return false;
      opened = *std::move(fd);
    }
    return HasMark(parent.empty() ? upper_ : opened.get(), std::string(NameOf(path)), origin_);
  }

  const ProjectTree& tree_;
  int upper_;
  std::string origin_;
  std::int64_t stamp_ns_;
  const LeftBehind& left_;
  const ApplyRequest& request_;
};

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

PlannedPath Describe(const Entry& entry) {
  const bool has_old = entry.removes || entry.chmods;
  return {.letter = !entry.puts && !entry.chmods ? 'D'
                    : has_old                    ? 'M'
                                                 : 'A',
          .path = entry.path,
          .directory = S_ISDIR(entry.puts || entry.chmods ? entry.new_mode : entry.old_mode),
          .verdict = entry.verdict,
          .reason = entry.reason};
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
  const Judge judge(tree, upper, flavour, stamp_ns, left, request);
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
  ApplyPlan plan;
  plan.steps = StepsFor(entries);
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
