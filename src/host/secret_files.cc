#include "host/secret_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "host/dotenv.h"
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
constexpr std::string_view kEverywhere = "**/";

enum class Show : std::uint8_t { kMasked, kHidden, kAsItIs };

/// Why a directory is listed.
enum class Place : std::uint8_t { kAnchor, kNamed, kWalked };

/// One pattern, taken apart.
struct Pattern {
  Show show = Show::kMasked;
  bool everywhere = false;
  bool anchored = true;  // in the top directory and the members, else only in `directory`
  bool directory_only = false;
  std::string directory;
  std::string name;
  std::string flag;  // that a person wrote it with; empty for a default
  std::string asked;
  bool matched = false;
};

Pattern Parse(std::string_view text, Show show) {
  Pattern pattern{.show = show};
  if (text.ends_with('/')) {
    pattern.directory_only = true;
    text.remove_suffix(1);
  }
  if (text.starts_with(kEverywhere)) {
    pattern.everywhere = true;
    text.remove_prefix(kEverywhere.size());
  }
  if (text.starts_with("./")) text.remove_prefix(2);
  const std::size_t slash = text.rfind('/');
  if (slash != std::string_view::npos) {
    pattern.anchored = false;
    pattern.directory = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  pattern.name = text;
  return pattern;
}

/// Later ones win: the examples are left out of what stands for many names, not of what names them,
/// and what is to be shown as it is stands behind all.
std::vector<Pattern> AllPatterns(const SecretPatterns& asked) {
  std::vector<Pattern> patterns = {Parse(".env*", Show::kMasked), Parse("*.pem", Show::kHidden),
                                   Parse("*.key", Show::kHidden)};
  const auto add = [&](const char* flag, const std::vector<std::string>& texts, Show show,
                       bool for_many) {
    for (const std::string& text : texts) {
      Pattern pattern = Parse(text, show);
      pattern.flag = flag;
      pattern.asked = text;
      if ((pattern.name.find_first_of("*?") != std::string::npos) == for_many) {
        patterns.push_back(pattern);
      }
    }
  };
  add("--mask", asked.mask, Show::kMasked, true);
  add("--hide", asked.hide, Show::kHidden, true);
  patterns.push_back(Parse(".env.example", Show::kAsItIs));
  patterns.push_back(Parse(".env.sample", Show::kAsItIs));
  add("--mask", asked.mask, Show::kMasked, false);
  add("--hide", asked.hide, Show::kHidden, false);
  add("--unmask", asked.unmask, Show::kAsItIs, true);
  add("--unmask", asked.unmask, Show::kAsItIs, false);
  return patterns;
}

std::string Join(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

bool IsNeverEntered(std::string_view name) {
  return name == ".git" || name == "node_modules" || name == "target" || name == ".venv";
}

class Finder {
 public:
  Finder(const std::string& root, Fd project, std::vector<Pattern> patterns)
      : root_(root), project_(std::move(project)), patterns_(std::move(patterns)) {}

  Result<SecretFiles> Find() {
    AMBIT_TRY(std::vector<std::string> directories, WorkspaceMembers(project_.get()));
    directories.insert(directories.begin(), "");
    for (const std::string& directory : directories) AMBIT_CHECK(Look(directory, Place::kAnchor));
    for (Pattern& pattern : patterns_) {
      if (pattern.anchored || pattern.everywhere) continue;
      pattern.directory = InProject(pattern.directory, S_IFDIR).value_or(pattern.directory);
      AMBIT_CHECK(Look(pattern.directory, Place::kNamed));
    }
    if (std::ranges::any_of(patterns_, &Pattern::everywhere)) AMBIT_CHECK(Walk("", 0));
    return SecretFiles{.files = Masked(), .unmatched = Unmatched()};
  }

 private:
  /// One list. What cannot be listed cannot be read by the agent either.
  Status Look(const std::string& directory, Place place) {
    const auto fd = OpenToList(directory);
    if (!fd) return {};
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return {};
    for (const DirectoryEntry& entry : *entries) AMBIT_CHECK(Judge(directory, entry, place));
    return {};
  }

  Status Walk(const std::string& directory, std::size_t depth) {
    const auto fd = OpenToList(directory);
    if (!fd) return {};
    const auto entries = sys::ListDirectory(fd->get());
    if (!entries) return {};
    walked_ += entries->size();
    if (walked_ > kMaxWalked || depth > kMaxDepth) {
      return Fail(Errc::kLimit,
                  fmt::format("looking for secret files below '{}': more than {} names, or more "
                              "than {} directories deep",
                              Printable(root_), kMaxWalked, kMaxDepth),
                  "name the directory instead of '**/'");
    }
    for (const DirectoryEntry& entry : *entries) {
      AMBIT_CHECK(Judge(directory, entry, Place::kWalked));
      if (entry.kind == EntryKind::kDirectory && !IsNeverEntered(entry.name)) {
        AMBIT_CHECK(Walk(Join(directory, entry.name), depth + 1));
      }
    }
    return {};
  }

  static bool IsLookedFor(const Pattern& pattern, const std::string& directory, Place place) {
    if (!pattern.anchored && !pattern.everywhere) return pattern.directory == directory;
    if (pattern.show == Show::kAsItIs) return true;
    return place == (pattern.everywhere ? Place::kWalked : Place::kAnchor);
  }

  Result<Fd> OpenToList(const std::string& directory) const {
    return sys::OpenAt(project_.get(), directory.empty() ? "." : directory.c_str(),
                       O_RDONLY | O_DIRECTORY, kBeneath | RESOLVE_NO_SYMLINKS);
  }

  /// The last pattern that is looked for here and fits decides; hidden stays hidden, but for what
  /// is to be shown as it is.
  Status Judge(const std::string& directory, const DirectoryEntry& entry, Place place) {
    std::optional<Show> show;
    for (Pattern& pattern : patterns_) {
      const bool fits_kind = entry.kind == EntryKind::kDirectory
                                 ? pattern.show == Show::kHidden && pattern.directory_only
                                 : !pattern.directory_only;
      if (fits_kind && IsLookedFor(pattern, directory, place) &&
          MatchesName(pattern.name, entry.name)) {
        // What somebody wants absent does not come back as placeholders.
        if (show != Show::kHidden || pattern.show == Show::kAsItIs) show = pattern.show;
        pattern.matched = true;
      }
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

  std::vector<MaskedFile> Masked() {
    std::vector<MaskedFile> files;
    for (const auto& [path, show] : found_) {
      if (IsBelowAHidden(path)) continue;
      MaskedFile file{.layer = root_, .path = path, .content = {}, .mode = 0600, .hidden = true};
      if (show == Show::kMasked) ShowKeys(path, file);
      files.push_back(std::move(file));
    }
    return files;
  }

  bool IsBelowAHidden(const std::string& path) const {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      if (found_.contains(path.substr(0, slash))) return true;
    }
    return false;
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

  const std::string& root_;
  Fd project_;
  std::vector<Pattern> patterns_;
  std::map<std::string, Show> found_;
  std::size_t walked_ = 0;
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

}  // namespace

Result<SecretFiles> FindSecretFiles(const std::string& project_root,
                                    const SecretPatterns& patterns) {
  AMBIT_CHECK(CheckPatterns("--mask", patterns.mask));
  AMBIT_CHECK(CheckPatterns("--hide", patterns.hide));
  AMBIT_CHECK(CheckPatterns("--unmask", patterns.unmask));
  AMBIT_TRY(Fd project, sys::OpenUnlinked(project_root.c_str(), O_RDONLY | O_DIRECTORY));
  return Finder(project_root, std::move(project), AllPatterns(patterns)).Find();
}

}  // namespace ambit::host
