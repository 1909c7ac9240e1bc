#include "host/git_obeyed.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "host/git_project.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

using Reach = ObeyedPlace::Reach;

constexpr std::size_t kMaxPointerBytes = 8192;
constexpr std::size_t kMaxConfigFiles = 256;
constexpr std::size_t kMaxHooks = 4096;
constexpr int kMaxLinks = 40;  // the kernel's own bound
constexpr int kMaxModuleDepth = 8;
constexpr int kMaxModuleDirectories = 1024;
constexpr std::string_view kIncluded = "git's configuration on the host includes it";
constexpr std::string_view kConfiguration = "git's configuration on the host is a link to it";
constexpr std::string_view kHookLink = "a hook of the host's git is a link to it";

/// git finds nothing there either.
bool IsMissing(const Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ENOTDIR || error.sys_errno == ELOOP;
}

/// git passes over a person's file that they may not read: with sudo or su, $HOME still is another
/// one's.
bool IsClosed(const std::string& file) {
  return ::access(file.c_str(), R_OK) != 0 && errno == EACCES;
}

std::string Below(std::string_view directory, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  return fmt::format("{}/{}", directory, path);
}

std::string_view DirectoryOf(std::string_view path) { return path.substr(0, path.rfind('/')); }

void PushFront(std::deque<std::string>& names, std::string_view path) {
  std::size_t at = 0;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash != 0 && path.substr(0, slash) != ".") {
      names.emplace(names.begin() + static_cast<std::ptrdiff_t>(at++), path.substr(0, slash));
    }
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
}

struct Way {
  std::vector<std::string> links;  // each by its real place
  std::string end;                 // real as far as it exists; absolute, "/" as ""
};

/// Walks the absolute `path` as the kernel does. What is not there yet is taken as written.
Way WalkTo(std::string_view path) {
  Way way;
  std::deque<std::string> names;
  PushFront(names, path);
  while (!names.empty()) {
    const std::string name = std::exchange(names.front(), {});
    names.pop_front();
    if (name == "..") {
      way.end.resize(way.end.empty() ? 0 : way.end.rfind('/'));
      continue;
    }
    const std::string next = way.end + "/" + name;
    auto target = sys::ReadLink(AT_FDCWD, next.c_str());
    if (!target || way.links.size() == static_cast<std::size_t>(kMaxLinks)) {
      way.end = next;
      continue;
    }
    way.links.push_back(next);
    if (target->starts_with('/')) way.end.clear();
    PushFront(names, *target);
  }
  return way;
}

/// The bytes of a file that may be missing.
Result<std::optional<std::string>> ReadIfThere(const std::string& path, std::size_t max_bytes) {
  auto bytes = sys::ReadSmallFile(AT_FDCWD, path.c_str(), max_bytes);
  if (bytes) return *std::move(bytes);
  if (IsMissing(bytes.error()) || WalkTo(path).end == "/dev/null") return std::nullopt;
  return std::unexpected(std::move(bytes).error());
}

/// A repository as git finds it; nothing of it has to point back, because the host wrote it.
struct Repository {
  std::string worktree;
  std::string git_dir;
  std::string common_dir;
};

class Reader {
 public:
  Reader(const std::string& project, const Person& person)
      : project_(WalkTo(project).end), home_(person.home) {
    const char* xdg = ::getenv("XDG_CONFIG_HOME");
    files_ = {"/etc/gitconfig"};
    if (xdg != nullptr && *xdg == '/') files_.push_back(Below(xdg, "git/config"));
    for (const std::string& home : {person.home, person.passwd_home}) {
      if (home.empty()) continue;
      files_.push_back(home + "/.config/git/config");
      files_.push_back(home + "/.gitconfig");
    }
  }

  Result<std::vector<ObeyedPlace>> Run(std::span<const std::string> directories) {
    AMBIT_CHECK(ReadPersons(project_));
    AMBIT_TRY(const bool own, TryRepository(project_));
    for (std::string at = project_; !own && !at.empty();) {
      at = DirectoryOf(at);
      AMBIT_TRY(const bool around, TryRepository(at));
      if (around) break;
    }
    for (const std::string& directory : directories) {
      if (!directory.empty()) AMBIT_CHECK(TryRepository(Below(project_, directory)));
    }
    return std::move(places_);
  }

 private:
  /// What stands in the person's files holds for every worktree.
  Status ReadPersons(const std::string& worktree) {
    for (const std::string& file : files_) {
      if (!IsClosed(file)) AMBIT_CHECK(ReadConfig(file, worktree, kConfiguration));
    }
    return {};
  }

  Result<bool> TryRepository(const std::string& directory) {
    AMBIT_TRY(const std::optional<Repository> found, FindRepository(directory));
    if (!found) return false;
    AMBIT_CHECK(ReadRepository(*found));
    for (const std::string& git : {found->common_dir, found->git_dir}) {
      AMBIT_CHECK(ReadModules(git + "/modules", 0));
      if (found->git_dir == found->common_dir) break;
    }
    return true;
  }

  static Result<std::optional<Repository>> FindRepository(const std::string& directory) {
    const std::string dot_git = directory + "/.git";
    struct stat info{};
    if (::stat(dot_git.c_str(), &info) != 0) return std::nullopt;
    std::string git_dir = dot_git;
    if (S_ISREG(info.st_mode)) {
      AMBIT_TRY(const auto bytes, ReadIfThere(dot_git, kMaxPointerBytes));
      const auto target = ParseGitFile(bytes.value_or(""));
      if (!target) return std::nullopt;  // git takes it for no repository either
      git_dir = Below(directory, *target);
    }
    git_dir = WalkTo(git_dir).end;
    AMBIT_TRY(const auto pointer, ReadIfThere(git_dir + "/commondir", kMaxPointerBytes));
    const auto common = ParsePathFile(pointer.value_or(""));
    return Repository{.worktree = directory,
                      .git_dir = git_dir,
                      .common_dir = common ? WalkTo(Below(git_dir, *common)).end : git_dir};
  }

  Status ReadRepository(Repository repository) {
    const std::string config = repository.common_dir + "/config";
    const std::string own = repository.git_dir + "/config.worktree";
    for (const std::string& file : {config, own}) {
      AMBIT_TRY(const auto parsed, Parse(file));
      if (!parsed) continue;
      for (const GitConfigEntry& entry : parsed->entries) {
        if (entry.section != "core" || entry.key != "worktree" || !entry.value) continue;
        repository.worktree = WalkTo(Below(repository.git_dir, *entry.value)).end;
      }
    }
    if (!seen_repositories_.emplace(repository.git_dir, repository.worktree).second) return {};
    AMBIT_CHECK(ReadPersons(repository.worktree));
    AMBIT_CHECK(ReadConfig(config, repository.worktree, kConfiguration));
    AMBIT_CHECK(ReadConfig(own, repository.worktree, kConfiguration));
    Note(repository.common_dir + "/info/attributes", Reach::kItself, kConfiguration);
    return NoteHooks(repository.common_dir + "/hooks", kHookLink);
  }

  /// Submodules lie in modules/NAME, where NAME may hold slashes, and have modules themselves.
  Status ReadModules(const std::string& directory, int depth) {
    const auto fd = sys::OpenAt(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd && IsMissing(fd.error())) return {};
    if (!fd) return std::unexpected(fd.error());
    AMBIT_TRY(const std::vector<sys::DirectoryEntry> entries, sys::ListDirectory(fd->get()));
    for (const sys::DirectoryEntry& entry : entries) {
      if (entry.kind != sys::EntryKind::kDirectory) continue;
      if (depth >= kMaxModuleDepth || ++module_directories_ > kMaxModuleDirectories) {
        return Fail(Errc::kLimit, fmt::format("list '{}': too many or too deep submodules",
                                              Printable(directory)));
      }
      const std::string child = Below(directory, entry.name);
      struct stat info{};
      if (::stat((child + "/HEAD").c_str(), &info) != 0) {
        AMBIT_CHECK(ReadModules(child, depth + 1));
        continue;
      }
      AMBIT_CHECK(ReadRepository({.worktree = project_, .git_dir = child, .common_dir = child}));
      AMBIT_CHECK(ReadModules(child + "/modules", depth + 1));
    }
    return {};
  }

  Result<std::optional<GitConfig>> Parse(const std::string& file) {
    const auto unknown = [&](const Error& error) {
      return Fail(error.code, fmt::format("read '{}': {}", Printable(file), error.what),
                  "what git obeys on the host is not known; repair the file ('git config --list' "
                  "must work)");
    };
    const auto bytes = ReadIfThere(file, kMaxGitConfigBytes);
    if (!bytes) return unknown(bytes.error());
    if (!*bytes) return std::nullopt;
    auto config = ParseGitConfig(**bytes);
    if (!config) return unknown(config.error());
    return *std::move(config);
  }

  /// Reads `file` and what it includes for one worktree.
  Status ReadConfig(const std::string& file, const std::string& worktree, std::string_view why) {
    Note(file, Reach::kItself, why);
    auto& seen = seen_files_[worktree];
    if (!seen.insert(file).second) return {};
    if (seen.size() > kMaxConfigFiles) {
      return Fail(Errc::kLimit, fmt::format("read '{}': more than {} files of git's configuration",
                                            Printable(file), kMaxConfigFiles));
    }
    AMBIT_TRY(const auto config, Parse(file));
    if (!config) return {};
    for (const GitConfigEntry& entry : config->entries) {
      const bool includes = entry.section == "include" || entry.section == "includeif";
      if (includes && entry.key == "path" && entry.value && !entry.value->empty()) {
        AMBIT_CHECK(ReadConfig(Resolved(*entry.value, DirectoryOf(file)), worktree, kIncluded));
        continue;
      }
      for (const NamedPath& named : PathsNamedBy(entry)) {
        const std::string path = Resolved(named.path, worktree);
        Note(path, named.reach, named.why);
        if (entry.key == "hookspath") AMBIT_CHECK(NoteHooks(path, named.why));
      }
    }
    return {};
  }

  std::string Resolved(std::string_view path, std::string_view base) const {
    if (path.starts_with("~/")) return home_ + std::string(path.substr(1));
    return Below(base, path);
  }

  /// The hooks that are links lead to what git runs.
  Status NoteHooks(const std::string& directory, std::string_view why) {
    Note(directory, Reach::kAllBelow, why);
    const auto fd = sys::OpenAt(AT_FDCWD, directory.c_str(), O_RDONLY | O_DIRECTORY);
    // What the person cannot read their git does not run either.
    if (!fd && (IsMissing(fd.error()) || fd.error().code == Errc::kDenied)) return {};
    if (!fd) return std::unexpected(fd.error());
    AMBIT_TRY(const auto entries, sys::ListDirectory(fd->get(), kMaxHooks));
    for (const sys::DirectoryEntry& entry : entries) {
      if (entry.kind == sys::EntryKind::kLink) {
        Note(Below(directory, entry.name), Reach::kAllBelow, kHookLink);
      }
    }
    return {};
  }

  void Note(const std::string& path, Reach reach, std::string_view why) {
    if (path.contains('\0')) return;
    const Way way = WalkTo(path);
    for (const std::string& link : way.links) {
      if (IsBelow(link, project_)) Add(link, Reach::kItself, why);
    }
    if (IsBelow(way.end, project_)) Add(way.end, reach, why);
    if (way.end == project_ && reach == Reach::kAllBelow) Add(project_, Reach::kHookNames, why);
  }

  void Add(std::string_view path, Reach reach, std::string_view why) {
    path.remove_prefix(std::min(project_.size() + 1, path.size()));
    if (!seen_places_.emplace(path, reach).second) return;
    places_.push_back({.path = std::string(path), .reach = reach, .why = why});
  }

  std::string project_;
  std::string home_;
  std::vector<std::string> files_;                           // of the person and the machine
  std::map<std::string, std::set<std::string>> seen_files_;  // by worktree
  std::set<std::pair<std::string, std::string>> seen_repositories_;
  std::set<std::pair<std::string, Reach>> seen_places_;
  int module_directories_ = 0;
  std::vector<ObeyedPlace> places_;
};

}  // namespace

Result<std::vector<ObeyedPlace>> ReadObeyedPlaces(const std::string& project,
                                                  std::span<const std::string> directories,
                                                  const Person& person) {
  return Reader(project, person).Run(directories);
}

}  // namespace ambit::host
