#include "review/apply_judge.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>

#include <algorithm>
#include <utility>

#include "host/dotenv.h"
#include "review/consent.h"
#include "sys/file.h"

namespace ambit::review {
namespace {

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

bool Leave(Entry& entry, Verdict verdict, std::string_view reason) {
  entry.verdict = verdict;
  entry.reason = reason;
  return false;
}

bool Refuse(Entry& entry, std::string_view reason) {
  return Leave(entry, Verdict::kRefused, reason);
}

void Conflict(Entry& entry, std::string_view reason) {
  (void)Leave(entry, Verdict::kConflict, reason);
}

/// A file in the place of a file, or of nothing. A directory holds what nobody has named.
bool IsReplaceable(const Entry& entry) {
  const auto is_file = [](mode_t mode) { return mode == 0 || S_ISREG(mode) || S_ISLNK(mode); };
  return !entry.chmods && is_file(entry.old_mode) && is_file(entry.new_mode);
}

/// Below a directory of spawn/native/movable.h, whose rename never came to its end.
bool IsLeftOfAMove(std::string_view path) {
  constexpr std::string_view kMoving = ".ambit-moving-";
  return path.starts_with(kMoving) || path.find("/" + std::string(kMoving)) != std::string::npos;
}

bool PassesForm(Entry& entry) {
  const auto depth = static_cast<std::size_t>(std::ranges::count(entry.path, '/'));
  if (depth > kMaxApplyDepth || entry.path.size() >= PATH_MAX) {
    entry.too_deep = true;
    return Refuse(entry, fmt::format("deeper than {} directories", kMaxApplyDepth));
  }
  if (entry.path.starts_with(kStagingPrefix)) return Refuse(entry, "a name ambit uses itself");
  if (IsLeftOfAMove(entry.path)) {
    return Refuse(entry, "a rename inside was cut short and left it; look with 'ambit diff'");
  }
  if (entry.unreadable) return Refuse(entry, "it cannot be read");
  if (entry.puts && !IsOrdinary(entry.new_mode)) {
    return Refuse(entry, fmt::format("{} stays inside", WordFor(entry.new_mode)));
  }
  if (entry.removes && !IsOrdinary(entry.old_mode)) {
    return Refuse(entry, fmt::format("{} of the host is left as it is", WordFor(entry.old_mode)));
  }
  if (entry.puts && S_ISLNK(entry.new_mode)) {
    const std::string_view why = WhyLinkIsUnsafe(entry.path, entry.link_target);
    if (!why.empty()) return Refuse(entry, why);
  }
  const bool only_mode = entry.chmods || entry.mode_only;
  if (only_mode && ((entry.old_mode ^ entry.new_mode) & kPermissionBits) == 0) {
    return Refuse(entry, "setuid, setgid and sticky bits stay as they are on the host");
  }
  return true;
}

}  // namespace

Judge::Judge(const ProjectTree& tree, int upper, workspace::OverlayFlavour flavour,
             std::int64_t stamp_ns, const LeftBehind& left, const ApplyRequest& request,
             const Entries& entries, HostGit host_git)
    : tree_(tree),
      upper_(upper),
      origin_(flavour == workspace::OverlayFlavour::kUser ? "user.overlay.origin"
                                                          : "trusted.overlay.origin"),
      stamp_ns_(stamp_ns),
      left_(left),
      request_(request),
      git_(
          [&tree, &entries](const std::string& path) {
            const auto entry = entries.find(path);
            if (entry != entries.end() && entry->second.puts) return true;
            return tree.Look(path).value_or(std::nullopt).has_value();
          },
          std::move(host_git)),
      move_was_cut_short_(std::ranges::any_of(
          entries, [](const auto& entry) { return IsLeftOfAMove(entry.first); })) {}

void Judge::Decide(Entry& entry) {
  if (!PassesForm(entry)) return;
  if (IsApplied(entry)) {
    (void)Leave(entry, Verdict::kHeld, {});
    entry.declined = true;
    return;
  }
  if (move_was_cut_short_ && entry.removes && !entry.puts) {
    ConflictOrReplace(entry,
                      "a rename inside was cut short: the run may have moved it, not deleted it");
    if (entry.verdict == Verdict::kConflict) return;
  }
  if (move_was_cut_short_ && entry.chmods) {
    (void)Leave(entry, Verdict::kConflict,
                "a rename inside was cut short, which may have changed this directory's mode");
    return;
  }
  if (const auto masked = request_.masked.find(entry.path); masked != request_.masked.end()) {
    DecideMasked(entry, masked->second);
  } else if (MovesASecret(entry) && !IsConsented(entry.path) &&
             !IsConsented(entry.moves_to.empty() ? entry.moved_from : entry.moves_to)) {
    (void)Leave(entry, Verdict::kHeld,
                "a secret file, which moves with its directory to where the next run may see it");
  } else if (PassesGate(entry) && PassesPlaceholders(entry)) {
    PassesHost(entry);
  }
}

/// A renamed directory takes along what the run never saw as it is, or not at all.
bool Judge::MovesASecret(const Entry& entry) const {
  if (request_.masks == nullptr) return false;
  return (!entry.moved_from.empty() && request_.masks->Covers(entry.moved_from)) ||
         (!entry.moves_to.empty() && request_.masks->Covers(entry.path));
}

/// A copy or a new name of a masked file looks like any other file.
bool Judge::PassesPlaceholders(Entry& entry) {
  if (request_.masks == nullptr || request_.masks->empty() || !entry.puts ||
      !entry.moved_from.empty())
    return true;
  if (entry.mode_only || !S_ISREG(entry.new_mode) || IsConsented(entry.path)) return true;
  if (TextBelow(upper_, entry.path).find(host::kPlaceholder) == std::string::npos) return true;
  return Leave(entry, Verdict::kHeld, "it holds placeholders for values of your secret files");
}

/// No gate of names beside it: a consent to a secret file says it all.
void Judge::DecideMasked(Entry& entry, const MaskedChange& change) {
  if (change.hidden && !change.why_not.empty()) {
    PassesHidden(entry, change);
  } else if (!change.why_not.empty()) {
    Conflict(entry, change.why_not);
  } else if (!IsConsented(entry.path)) {
    (void)Leave(entry, Verdict::kHeld, change.reason);
  } else if (change.host.inode != 0) {
    Join(entry, change);
  } else {
    entry.reason = "a secret file";
    PassesHost(entry);
  }
}

/// The host has a file where the run, which could not see it, made one. To name it to be replaced
/// says all that a consent says, but of placeholders in it.
void Judge::PassesHidden(Entry& entry, const MaskedChange& change) {
  const auto host = tree_.Look(entry.path);
  if (!host || !*host || !entry.puts) {
    Conflict(entry, change.why_not);
  } else if (!IsToBeReplaced(entry) || PassesPlaceholders(entry)) {
    PassesExisting(entry, **host, change.why_not);
  }
}

/// What only adds keys joins whatever the host wrote meanwhile; who of two changed a value last
/// nobody can say, because the run did not see it.
void Judge::Join(Entry& entry, const MaskedChange& change) const {
  const auto host = tree_.Look(entry.path);
  if (!host || !*host || SeenOf(**host) != change.host) {
    Conflict(entry, "the host changed it meanwhile");
  } else if (change.changes_nothing) {
    (void)Leave(entry, Verdict::kHeld, {});
    entry.declined = true;
  } else {
    if (!change.only_adds && !IsUnchanged(entry.path, **host)) {
      ConflictOrReplace(entry, "the host changed it meanwhile, and the run changed values in it");
      if (entry.verdict == Verdict::kConflict) return;
    }
    entry.before = change.host;
    entry.merged = true;
    entry.new_mode = (*host)->st_mode;
    entry.reason = "joined with your values, key by key";
  }
}

bool Judge::PassesGate(Entry& entry) {
  const bool directory = S_ISDIR(entry.puts || entry.chmods ? entry.new_mode : entry.old_mode);
  GateDecision gate = entry.puts && S_ISLNK(entry.new_mode)
                          ? GateOfLink(entry.path, entry.link_target)
                          : GateOf(directory ? entry.path + "/" : entry.path);
  if (gate.verdict == GateVerdict::kShown && entry.puts && IsPackageJson(entry.path) &&
      ScriptsChanged(entry)) {
    gate = {.verdict = GateVerdict::kHeld, .reason = "its lifecycle scripts changed"};
  }
  if (gate.verdict < GateVerdict::kHeld) {
    const GateDecision git = git_.GateOf(entry.path, directory);
    if (git.verdict > gate.verdict) gate = git;
  }
  if (gate.verdict == GateVerdict::kNever) return Refuse(entry, gate.reason);
  entry.reason = gate.reason;
  if (gate.verdict != GateVerdict::kHeld) {
    const bool special = entry.puts && S_ISREG(entry.new_mode) && (entry.new_mode & kSpecialBits);
    if (special) entry.reason = "without its setuid, setgid and sticky bits";
    return true;
  }
  if (request_.auto_exec == "allow") return true;
  if (request_.auto_exec != "deny" && IsConsented(entry.path)) return true;
  // A directory does nothing; it is held when nothing in it comes across (DropEmpty).
  entry.held_directory = directory;
  if (directory && !entry.chmods) return true;
  return request_.auto_exec == "deny"
             ? Refuse(entry,
                      fmt::format("{}; the policy lets nothing of the kind through", gate.reason))
             : Leave(entry, Verdict::kHeld, gate.reason);
}

bool Judge::ScriptsChanged(const Entry& entry) const {
  if (!S_ISREG(entry.new_mode)) return true;
  const std::string now = entry.moved_from.empty() ? TextBelow(upper_, entry.path)
                                                   : TextBelow(tree_.fd(), entry.moved_from);
  const bool had = entry.removes && S_ISREG(entry.old_mode);
  return LifecycleScriptsChanged(had ? TextBelow(tree_.fd(), entry.path) : "", now);
}

bool Judge::IsConsented(const std::string& path) {
  return review::IsConsented(path, request_.consents, git_);
}

bool Judge::IsAsLeft(const std::string& path, const struct stat& info, bool merged) const {
  const auto known = left_.find(path);
  return known != left_.end() && known->second.inode == info.st_ino &&
         known->second.ctime_ns == ChangeTimeOf(info) && known->second.merged == merged;
}

bool Judge::IsUnchanged(const std::string& path, const struct stat& info) const {
  if (stamp_ns_ != 0 && ChangeTimeOf(info) < stamp_ns_) return true;
  return IsAsLeft(path, info, /*merged=*/false);
}

/// An earlier apply of the run left it so, and nobody was there since. Of what only came across the
/// list of changes holds nothing any more; a merged one differs, and of a hidden one it cannot
/// know.
bool Judge::IsApplied(const Entry& entry) const {
  const auto host = tree_.Look(entry.path);
  if (!host || !*host || IsToBeReplaced(entry)) return false;
  const auto masked = request_.masked.find(entry.path);
  const bool hidden = masked != request_.masked.end() && masked->second.hidden;
  return IsAsLeft(entry.path, **host, /*merged=*/true) ||
         (hidden && IsAsLeft(entry.path, **host, /*merged=*/false));
}

void Judge::PassesHost(Entry& entry) const {
  const auto host = tree_.Look(entry.path);
  if (!host) {
    Conflict(entry, "the host has a mount or something unreadable on the way");
  } else if (entry.removes || entry.chmods) {
    PassesOld(entry, *host);
  } else if (*host) {
    PassesExisting(entry, **host, "the host made it meanwhile");
  } else {
    PassesNew(entry);
  }
}

/// What the run made has something of the host's in its place.
void Judge::PassesExisting(Entry& entry, const struct stat& host, std::string_view why) const {
  entry.old_mode = host.st_mode;
  ConflictOrReplace(entry, why);
  if (!entry.replaced) return;
  entry.removes = true;
  entry.before = SeenOf(host);
}

void Judge::PassesOld(Entry& entry, const std::optional<struct stat>& host) const {
  if (!host || (host->st_mode & S_IFMT) != (entry.old_mode & S_IFMT)) {
    Conflict(entry, "the host changed it meanwhile");
    return;
  }
  entry.before = SeenOf(*host);
  // The time of a directory tells of its entries, and each of them is looked at by itself. What
  // is only moved takes along what the host wrote into it.
  if ((S_ISDIR(host->st_mode) && !entry.chmods) || !entry.moves_to.empty()) return;
  if (!IsUnchanged(entry.path, *host)) PassesMerged(entry, *host);
}

/// Of two versions of one file a third may have been made, and chosen.
void Judge::PassesMerged(Entry& entry, const struct stat& host) const {
  entry.mergeable = entry.puts && !entry.mode_only && entry.moved_from.empty() &&
                    S_ISREG(entry.old_mode) && S_ISREG(entry.new_mode);
  const auto merged = request_.merged.find(entry.path);
  const bool chosen = entry.mergeable && merged != request_.merged.end();
  if (IsToBeReplaced(entry) || !chosen || merged->second.host != SeenOf(host)) {
    ConflictOrReplace(entry, "the host changed it meanwhile");
  } else if (merged->second.in_conflict) {
    ConflictOrReplace(entry,
                      "the host changed it meanwhile: no merge, both changed the same lines");
  } else if (merged->second.hunks.empty()) {  // the host has it all already
    (void)Leave(entry, Verdict::kHeld, {});
    entry.declined = true;
  } else {
    entry.merged = true;
    entry.new_mode = host.st_mode;
    entry.reason = "merged with what the host changed";
  }
}

void Judge::PassesNew(Entry& entry) const {
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
    ConflictOrReplace(entry, "the host deleted or renamed it meanwhile");
  }
}

bool Judge::IsToBeReplaced(const Entry& entry) const {
  return IsReplaceable(entry) &&
         std::ranges::find(request_.replaced, entry.path) != request_.replaced.end();
}

/// Both sides changed it: the host's version stays unless a person asked for the run's by name.
void Judge::ConflictOrReplace(Entry& entry, std::string_view why) const {
  entry.replaceable = IsReplaceable(entry);
  if (!IsToBeReplaced(entry)) {
    Conflict(entry, why);
    return;
  }
  entry.replaced = true;
  entry.reason += fmt::format("{}although {}", entry.reason.empty() ? "" : "; ", why);
}

bool Judge::HasOrigin(const std::string& path) const {
  const std::string parent(ParentOf(path));
  Fd opened;
  if (!parent.empty()) {
    auto fd = workspace::OpenNoFollow(upper_, parent, O_PATH | O_DIRECTORY);
    if (!fd) return false;
    opened = *std::move(fd);
  }
  return HasMark(parent.empty() ? upper_ : opened.get(), std::string(NameOf(path)), origin_);
}

}  // namespace ambit::review
