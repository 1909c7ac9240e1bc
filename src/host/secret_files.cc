#include "host/secret_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "base/text.h"
#include "host/dotenv.h"
#include "host/secret_patterns.h"
#include "host/workspace_members.h"
#include "policy/values.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

using sys::DirectoryEntry;
using sys::EntryKind;

constexpr std::size_t kMaxMaskedBytes = 64U << 10;  // a larger one is hidden
constexpr std::size_t kMaxShownBytes = 4U << 20;    // of all; what comes after it is hidden
constexpr std::size_t kMaxDepth = 128;
constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

/// Why a directory is listed.
enum class Place : std::uint8_t { kAnchor, kNamed, kWalked };

std::string Join(const std::string& directory, const std::string& name) {
  if (directory.empty() || name.empty()) return directory + name;
  return directory + "/" + name;
}

/// Git's own files, which what is inside needs as they are.
constexpr std::string_view kGitDirectory = ".git";
/// There: what names itself by its content, and no pattern means.
constexpr std::string_view kGitObjects = "objects";

/// The directories that hold `path`, the top one first.
std::vector<std::string> Above(const std::string& path) {
  std::vector<std::string> above;
  if (!path.empty()) above.emplace_back();
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    above.push_back(path.substr(0, slash));
  }
  return above;
}

class Finder {
 public:
  /// Of what is below `root` only its part `part` matters; empty: all of it.
  Finder(std::string root, std::string part, Fd project, std::vector<Pattern> patterns)
      : root_(std::move(root)),
        part_(std::move(part)),
        project_(std::move(project)),
        patterns_(std::move(patterns)) {}

  Result<SecretFiles> Find() {
    AMBIT_TRY(const std::set<std::string> anchors, Anchors());
    for (const std::string& directory : anchors) AMBIT_CHECK(Look(directory, Place::kAnchor));
    AMBIT_CHECK(LookInNamed());
    if (std::ranges::any_of(patterns_, &Pattern::everywhere)) {
      for (const std::string& above : Above(part_)) AMBIT_CHECK(Look(above, Place::kWalked));
      AMBIT_CHECK(Walk(part_, 0));
    }
    AMBIT_CHECK(RefuseAHiddenPart());
    return SecretFiles{.files = Masked(), .unmatched = Unmatched(), .in_git = InGit()};
  }

 private:
  Result<std::set<std::string>> Anchors() const {
    std::set<std::string> anchors = {"", part_};
    AMBIT_TRY(const std::vector<std::string> members, WorkspaceMembers(project_.get(), part_));
    anchors.insert(members.begin(), members.end());
    if (part_.empty()) return anchors;
    AMBIT_TRY(const Fd part, sys::OpenAt(project_.get(), part_.c_str(), O_PATH | O_DIRECTORY,
                                         kBeneath | RESOLVE_NO_SYMLINKS));
    AMBIT_TRY(const std::vector<std::string> own, WorkspaceMembers(part.get()));
    for (const std::string& directory : own) anchors.insert(Join(part_, directory));
    return anchors;
  }

  Status LookInNamed() {
    std::set<std::string> looked_in;
    for (Pattern& pattern : patterns_) {
      if (pattern.anchored || pattern.everywhere) continue;
      if (!part_.empty()) pattern.directories.push_back(Join(part_, pattern.directories[0]));
      for (std::string& directory : pattern.directories) {
        directory = InProject(directory, S_IFDIR).value_or(directory);
        looked_in.insert(directory);
      }
    }
    // Each once, whatever number of patterns names it.
    for (const std::string& directory : looked_in) AMBIT_CHECK(Look(directory, Place::kNamed));
    return {};
  }

  Status RefuseAHiddenPart() const {
    std::vector<std::string> upwards = Above(part_);
    upwards.push_back(part_);
    for (const std::string& path : upwards) {
      if (path.empty() || !found_.contains(path)) continue;
      return Fail(
          Errc::kInvalidArgument,
          fmt::format("project '{}/{}': '{}' is hidden in the project '{}'", Printable(root_),
                      Printable(part_), Printable(path), Printable(root_)),
          "take another directory, or leave out the pattern that hides it");
    }
    return {};
  }

  /// One list. What cannot be listed cannot be read by the agent either.
  Status Look(const std::string& directory, Place place) {
    const auto fd = OpenToList(directory);
    if (!fd) return {};
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return {};
    AMBIT_TRY(const std::vector<Pattern*> patterns, LookedFor(directory, place));
    for (const DirectoryEntry& entry : *entries) AMBIT_CHECK(Judge(directory, entry, patterns));
    return {};
  }

  Status Walk(const std::string& directory, std::size_t depth) {
    const auto fd = OpenToList(directory);
    if (!fd) return {};
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return {};
    AMBIT_CHECK(CountWalked(entries->size(), depth));
    AMBIT_TRY(const std::vector<Pattern*> patterns, LookedFor(directory, Place::kWalked));
    for (const DirectoryEntry& entry : *entries) {
      AMBIT_CHECK(Judge(directory, entry, patterns));
      if (entry.kind != EntryKind::kDirectory) continue;
      const std::string below = Join(directory, entry.name);
      if (found_.contains(below)) continue;
      const bool of_git = entry.name == kGitDirectory;
      AMBIT_CHECK(of_git ? WalkGit(below, depth + 1) : Walk(below, depth + 1));
    }
    return {};
  }

  /// Notes what fits there.
  Status WalkGit(const std::string& directory, std::size_t depth) {
    const auto fd = OpenToList(directory);
    if (!fd) return {};
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return {};
    AMBIT_CHECK(CountWalked(entries->size(), depth));
    for (const DirectoryEntry& entry : *entries) {
      const std::string path = Join(directory, entry.name);
      for (Pattern& pattern : patterns_) {
        if (!pattern.everywhere || pattern.show == Show::kAsItIs || !pattern.in_git.empty() ||
            !FitsKind(pattern, entry) || found_.contains(path)) {
          continue;
        }
        AMBIT_TRY(const bool fits, Fits(pattern, entry.name));
        if (!fits) continue;
        pattern.in_git = path;
        pattern.matched = true;
      }
      if (entry.kind == EntryKind::kDirectory && entry.name != kGitObjects) {
        AMBIT_CHECK(WalkGit(path, depth + 1));
      }
    }
    return {};
  }

  Status CountWalked(std::size_t names, std::size_t depth) {
    walked_ += names;
    if (walked_ <= kMaxWalked && depth <= kMaxDepth) return {};
    return Fail(Errc::kLimit,
                fmt::format("looking for secret files below '{}': more than {} names, or more "
                            "than {} directories deep",
                            Printable(root_), kMaxWalked, kMaxDepth),
                "name the directory instead of '**/'");
  }

  /// Names and patterns are both anybody's who writes in the project.
  Status CountCompared(std::size_t comparisons) {
    compared_ += comparisons;
    if (compared_ <= kMaxCompared) return {};
    return Fail(Errc::kLimit,
                fmt::format("looking for secret files below '{}': too many patterns for so many "
                            "names, more than {} comparisons",
                            Printable(root_), kMaxCompared),
                "write fewer patterns, or name directories instead of '**/'");
  }

  Result<bool> Fits(const Pattern& pattern, const std::string& name) {
    AMBIT_CHECK(CountCompared(1 + pattern.name.size() * name.size() / 64));
    return MatchesName(pattern.name, name);
  }

  static bool FitsKind(const Pattern& pattern, const DirectoryEntry& entry) {
    return entry.kind == EntryKind::kDirectory
               ? pattern.show == Show::kHidden && pattern.directory_only
               : !pattern.directory_only;
  }

  static bool IsLookedFor(const Pattern& pattern, const std::string& directory, Place place) {
    if (!pattern.anchored && !pattern.everywhere) {
      return std::ranges::find(pattern.directories, directory) != pattern.directories.end();
    }
    if (pattern.show == Show::kAsItIs) return true;
    return place == (pattern.everywhere ? Place::kWalked : Place::kAnchor);
  }

  /// In their order.
  Result<std::vector<Pattern*>> LookedFor(const std::string& directory, Place place) {
    AMBIT_CHECK(CountCompared(1 + patterns_.size() / 8));
    std::vector<Pattern*> patterns;
    for (Pattern& pattern : patterns_) {
      if (IsLookedFor(pattern, directory, place)) patterns.push_back(&pattern);
    }
    return patterns;
  }

  Result<Fd> OpenToList(const std::string& directory) const {
    return sys::OpenAt(project_.get(), directory.empty() ? "." : directory.c_str(),
                       O_RDONLY | O_DIRECTORY, kBeneath | RESOLVE_NO_SYMLINKS);
  }

  /// The last pattern that is looked for here and fits decides; hidden stays hidden, but for what
  /// is to be shown as it is.
  Status Judge(const std::string& directory, const DirectoryEntry& entry,
               std::span<Pattern* const> patterns) {
    std::optional<Show> show;
    const Pattern* by = nullptr;
    for (Pattern* const pattern : patterns) {
      if (!FitsKind(*pattern, entry)) continue;
      AMBIT_TRY(const bool fits, Fits(*pattern, entry.name));
      if (!fits) continue;
      // What somebody wants absent does not come back as placeholders.
      if (show != Show::kHidden || pattern->show == Show::kAsItIs) {
        show = pattern->show;
        by = pattern;
      }
      pattern->matched = true;
    }
    if (!show || entry.kind == EntryKind::kOther) return {};
    std::string path = Join(directory, entry.name);
    if (entry.kind == EntryKind::kLink) {
      const auto target = InProject(path, S_IFREG);
      if (!target) return {};
      path = *target;
    }
    if (*show == Show::kAsItIs) return {};
    auto [found, is_new] = found_.try_emplace(std::move(path), *show);
    if (is_new || (*show == Show::kHidden && found->second != Show::kHidden)) {
      rules_[found->first] = by->flag.empty() ? by->name + ", by default"
                                              : fmt::format("{} '{}'", by->flag, by->asked);
    }
    if (!is_new && *show == Show::kHidden) found->second = Show::kHidden;
    if (found_.size() <= kMaxSecretFiles) return {};
    return Fail(Errc::kLimit, fmt::format("more than {} secret files", kMaxSecretFiles),
                "name the directory that holds them with --hide DIR/");
  }

  /// The real place of `path`, which may be or hold a link, as long as it is one of the project and
  /// of that type.
  std::optional<std::string> InProject(const std::string& path, mode_t type) const {
    const auto fd = sys::OpenAt(project_.get(), path.c_str(), O_PATH, kBeneath);
    struct stat info{};
    if (!fd || ::fstat(fd->get(), &info) != 0 || (info.st_mode & S_IFMT) != type) {
      return std::nullopt;
    }
    const auto real = sys::PathOf(fd->get());
    if (!real || !real->starts_with(root_ + "/")) return std::nullopt;
    return real->substr(root_.size() + 1);
  }

  std::vector<UnmatchedPattern> Unmatched() const {
    std::vector<UnmatchedPattern> out;
    for (const Pattern& pattern : patterns_) {
      if (pattern.flag.empty() || pattern.matched) continue;
      out.push_back({.flag = pattern.flag, .pattern = pattern.asked});
    }
    return out;
  }

  std::vector<PatternInGit> InGit() const {
    std::vector<PatternInGit> out;
    for (const Pattern& pattern : patterns_) {
      if (pattern.in_git.empty()) continue;
      out.push_back({.flag = pattern.flag, .pattern = pattern.asked, .path = pattern.in_git});
    }
    return out;
  }

  std::vector<MaskedFile> Masked() {
    const std::string shown = part_.empty() ? "" : part_ + "/";
    std::vector<MaskedFile> files;
    for (const auto& [path, show] : found_) {
      if (!path.starts_with(shown) || IsBelowAHidden(path)) continue;
      MaskedFile file{.layer = Join(root_, part_),
                      .path = path.substr(shown.size()),
                      .content = {},
                      .mode = 0600,
                      .hidden = true,
                      .rule = rules_[path]};
      if (show == Show::kMasked) ShowKeys(path, file);
      files.push_back(std::move(file));
    }
    return files;
  }

  bool IsBelowAHidden(const std::string& path) const {
    return std::ranges::any_of(Above(path),
                               [&](const std::string& above) { return found_.contains(above); });
  }

  /// What cannot be read or has no keys stays hidden.
  void ShowKeys(const std::string& path, MaskedFile& file) {
    struct stat info{};
    if (::fstatat(project_.get(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    const auto text = sys::ReadSmallFile(project_.get(), path.c_str(), kMaxMaskedBytes,
                                         kBeneath | RESOLVE_NO_SYMLINKS);
    if (!text) return;
    auto shown = WithPlaceholders(*text);
    if (!shown || shown_bytes_ + shown->size() > kMaxShownBytes) return;
    shown_bytes_ += shown->size();
    file.content = *std::move(shown);
    file.mode = info.st_mode & 0777;
    file.hidden = false;
  }

  std::string root_;
  std::string part_;
  Fd project_;
  std::vector<Pattern> patterns_;
  std::map<std::string, Show> found_;
  std::map<std::string, std::string> rules_;  // of the same paths
  std::size_t walked_ = 0;
  std::size_t compared_ = 0;
  std::size_t shown_bytes_ = 0;
};

Status CheckPatterns(std::string_view flag, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    const Status fits = policy::CheckPattern(pattern);
    if (fits) continue;
    return Fail(fits.error().code, fmt::format("{} {}", flag, fits.error().what),
                fits.error().remedy);
  }
  return {};
}

Result<SecretFiles> FindFrom(const std::string& root, std::string part,
                             const SecretPatterns& patterns) {
  AMBIT_TRY(Fd project, sys::OpenUnlinked(root.c_str(), O_PATH | O_DIRECTORY));
  return Finder(root, std::move(part), std::move(project), AllPatterns(patterns)).Find();
}

/// Two views of one project: what one of them hides is hidden, what one masks is not shown.
void KeepWhatEitherKeeps(SecretFiles more, SecretFiles& all) {
  std::map<std::string, MaskedFile> files;
  for (std::vector<MaskedFile>* const found : {&all.files, &more.files}) {
    for (MaskedFile& file : *found) {
      const auto [known, is_new] = files.try_emplace(file.path, file);
      if (!is_new && file.hidden) known->second = std::move(file);
    }
  }
  all.files.clear();
  for (const auto& [path, file] : files) {
    const bool is_gone = std::ranges::any_of(Above(path), [&](const std::string& above) {
      const auto found = files.find(above);
      return found != files.end() && found->second.hidden;
    });
    if (!is_gone) all.files.push_back(file);
  }
  // Told only when it fits nothing from anywhere, and once.
  std::erase_if(all.unmatched, [&](const UnmatchedPattern& one) {
    return std::ranges::find(more.unmatched, one) == more.unmatched.end();
  });
  for (PatternInGit& one : more.in_git) {
    if (std::ranges::find(all.in_git, one.pattern, &PatternInGit::pattern) == all.in_git.end()) {
      all.in_git.push_back(std::move(one));
    }
  }
}

}  // namespace

Result<SecretFiles> FindSecretFiles(const std::string& project_root, const SecretPatterns& patterns,
                                    const std::vector<std::string>& around) {
  AMBIT_CHECK(CheckPatterns("--mask", patterns.mask));
  AMBIT_CHECK(CheckPatterns("--hide", patterns.hide));
  AMBIT_CHECK(CheckPatterns("--unmask", patterns.unmask));
  if (around.empty()) return FindFrom(project_root, "", patterns);
  std::optional<SecretFiles> all;
  for (const std::string& root : around) {
    AMBIT_TRY(SecretFiles found, FindFrom(root, project_root.substr(root.size() + 1), patterns));
    if (all) {
      KeepWhatEitherKeeps(std::move(found), *all);
    } else {
      all = std::move(found);
    }
  }
  return *std::move(all);
}

}  // namespace ambit::host
