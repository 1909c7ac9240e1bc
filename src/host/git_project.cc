#include "host/git_project.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "base/fd.h"
#include "base/path.h"
#include "host/git_config.h"
#include "sys/directory.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMaxPointerBytes = 8192;
constexpr std::size_t kMaxAlternatesBytes = 256U << 10;
constexpr int kMaxAlternateDepth = 5;  // git's own bound
constexpr int kMaxModuleDepth = 8;
constexpr int kMaxModuleDirectories = 1024;

/// A directory with the canonical path under which the kernel knows it.
struct Directory {
  Fd fd;
  std::string path;
};

std::string Join(std::string_view base, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  return fmt::format("{}/{}", base, path);
}

std::string Parent(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

/// Opens a directory as git would, links followed, without reading it.
Result<Directory> OpenDirectory(int base, const std::string& path, std::uint64_t resolve = 0) {
  AMBIT_TRY(Fd fd,
            sys::OpenAt(base, path.c_str(), O_PATH | O_DIRECTORY, resolve | RESOLVE_NO_MAGICLINKS));
  AMBIT_TRY(std::string canonical, sys::PathOf(fd.get()));
  return Directory{.fd = std::move(fd), .path = std::move(canonical)};
}

struct PlainFile {
  std::string bytes;
  mode_t mode = 0;
};

/// The plain file `path` below `dir`, no link followed anywhere. nullopt when it does not exist.
Result<std::optional<PlainFile>> ReadPlain(int dir, const char* path, std::size_t max_bytes) {
  auto fd = sys::OpenAt(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                        RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
  if (!fd && (fd.error().sys_errno == ENOENT || fd.error().sys_errno == ENOTDIR)) {
    return std::nullopt;
  }
  if (!fd) return std::unexpected(std::move(fd).error());
  struct stat info{};
  if (::fstat(fd->get(), &info) != 0) return FailErrno(errno, fmt::format("stat '{}'", path));
  if (!S_ISREG(info.st_mode)) {
    return Fail(Errc::kInvalidArgument, fmt::format("read '{}': not a plain file", path));
  }
  PlainFile file{.bytes = {}, .mode = info.st_mode & 07777U};
  std::array<char, 16384> chunk;
  for (;;) {
    const ssize_t n = ::read(fd->get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, fmt::format("read '{}'", path));
    if (n == 0) return file;
    file.bytes.append(chunk.data(), static_cast<std::size_t>(n));
    if (file.bytes.size() > max_bytes) {
      return Fail(Errc::kLimit, fmt::format("read '{}': larger than {} bytes", path, max_bytes));
    }
  }
}

bool IsLink(int dir, const char* name) {
  struct stat info{};
  return ::fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

bool SameFile(int left_dir, const char* left, int right_dir, const char* right) {
  struct stat a{};
  struct stat b{};
  return ::fstatat(left_dir, left, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstatat(right_dir, right, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

class Inspector {
 public:
  Inspector(Directory root, std::span<const std::string> allowed) : root_(std::move(root)) {
    for (const std::string& path : allowed) {
      auto canonical = OpenDirectory(AT_FDCWD, path);
      if (canonical) {
        allowed_.push_back(std::move(canonical->path));
      } else {
        allowed_.push_back(path);
      }
    }
  }

  Result<GitProject> Run() {
    AMBIT_TRY(std::optional<Directory> git_dir, FindGitDirectory());
    if (!git_dir) return std::move(result_);
    AMBIT_TRY(std::optional<Directory> common, FindCommonDirectory(*git_dir));
    if (!common) return std::move(result_);
    const bool outside = !IsAtOrBelow(common->path, root_.path);
    if (outside) {
      AMBIT_TRY(const bool honoured, PointsBack(*git_dir, *common));
      if (!honoured) return std::move(result_);
      result_.cow_dirs.push_back(common->path);
    }
    if (result_.layout == GitLayout::kNone) result_.layout = GitLayout::kDirectory;
    result_.git_dir = git_dir->path;
    result_.common_dir = common->path;
    AMBIT_CHECK(InspectRepository(*common));
    if (git_dir->path != common->path) {
      AMBIT_CHECK(InspectGitDirectory(*git_dir));
      AMBIT_CHECK(InspectModules(*git_dir, "modules", 0));
    }
    AMBIT_CHECK(InspectWorktrees(*common));
    return std::move(result_);
  }

 private:
  bool Allowed(std::string_view path) const {
    return std::ranges::any_of(allowed_,
                               [&](const std::string& root) { return IsAtOrBelow(path, root); });
  }

  void Refuse(std::string file, std::string target, std::string reason,
              std::string_view flag_path) {
    result_.refused.push_back({.file = std::move(file),
                               .target = std::move(target),
                               .reason = std::move(reason),
                               .flag = flag_path.empty() ? "" : fmt::format("--ro {}", flag_path)});
  }

  /// Where `.git` leads. nullopt: there is none, or it was refused or allowed read-only.
  Result<std::optional<Directory>> FindGitDirectory() {
    struct stat info{};
    if (::fstatat(root_.fd.get(), ".git", &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return std::nullopt;
      return FailErrno(errno, fmt::format("stat '{}/.git'", root_.path));
    }
    const std::string file = root_.path + "/.git";
    if (S_ISDIR(info.st_mode)) {
      AMBIT_TRY(Directory dir, OpenDirectory(root_.fd.get(), ".git", RESOLVE_NO_SYMLINKS));
      return dir;
    }
    std::string target;
    if (S_ISLNK(info.st_mode)) {
      AMBIT_TRY(target, sys::ReadLink(root_.fd.get(), ".git"));
    } else if (S_ISREG(info.st_mode)) {
      auto content = ReadPlain(root_.fd.get(), ".git", kMaxPointerBytes);
      auto path = content && *content ? ParseGitFile((*content)->bytes)
                                      : Result<std::string>(Fail(Errc::kLimit, "unreadable"));
      if (!path) {
        Refuse(file, "", "the file is not a git pointer", "");
        return std::nullopt;
      }
      target = *std::move(path);
    } else {
      Refuse(file, "", "neither a directory, a file nor a link", "");
      return std::nullopt;
    }
    auto dir = OpenDirectory(root_.fd.get(), target);
    if (!dir) {
      Refuse(file, target, "the target is not a directory that can be opened", "");
      return std::nullopt;
    }
    pointer_ = {.file = file, .target = target, .reason = {}, .flag = {}};
    if (!IsAtOrBelow(dir->path, root_.path) && Allowed(dir->path)) return std::nullopt;
    return *std::move(dir);
  }

  /// `commondir` of a git directory, or the directory itself. nullopt: refused.
  Result<std::optional<Directory>> FindCommonDirectory(const Directory& git_dir) {
    const std::string file = git_dir.path + "/commondir";
    auto content = ReadPlain(git_dir.fd.get(), "commondir", kMaxPointerBytes);
    if (content && !*content) {
      AMBIT_TRY(Directory self, OpenDirectory(git_dir.fd.get(), "."));
      return self;
    }
    auto target = content ? ParsePathFile((*content)->bytes)
                          : Result<std::string>(std::unexpected(content.error()));
    if (!target) {
      Refuse(file, "", "the file is not a git pointer", "");
      return std::nullopt;
    }
    auto common = OpenDirectory(git_dir.fd.get(), *target);
    if (!common) {
      Refuse(file, *target, "the target is not a directory that can be opened", "");
      return std::nullopt;
    }
    // A git directory belongs to a repository only where the repository lists it, and the list of
    // one outside cannot have been written by the project.
    const bool listed = Parent(git_dir.path) == Join(common->path, "worktrees");
    if (pointer_.file.empty())
      pointer_ = {.file = file, .target = *target, .reason = {}, .flag = {}};
    if (!IsAtOrBelow(common->path, root_.path) && !listed) {
      if (!Allowed(common->path)) {
        Refuse(file, *target, "the repository it names does not list this git directory",
               common->path);
      }
      return std::nullopt;
    }
    return *std::move(common);
  }

  /// Whether a repository outside names this project. Refuses the pointer when it does not.
  Result<bool> PointsBack(const Directory& git_dir, const Directory& common) {
    if (IsAtOrBelow(root_.path, common.path)) {
      Refuse(pointer_.file, pointer_.target,
             "the repository's directory contains the project, so all beside it would come in",
             common.path);
      return false;
    }
    if (git_dir.path != common.path) {
      if (NamesThisProject(git_dir)) {
        result_.layout = GitLayout::kWorktree;
        return true;
      }
      Refuse(pointer_.file, pointer_.target, "its 'gitdir' does not point back at this project",
             common.path);
      return false;
    }
    AMBIT_TRY(const std::optional<std::string> worktree, CoreWorktree(git_dir));
    if (worktree) {
      const auto dir = OpenDirectory(git_dir.fd.get(), *worktree);
      if (dir && dir->path == root_.path) {
        result_.layout = GitLayout::kPointsBack;
        return true;
      }
    }
    Refuse(pointer_.file, pointer_.target,
           "its 'core.worktree' does not point back at this project", git_dir.path);
    return false;
  }

  bool NamesThisProject(const Directory& git_dir) const {
    const auto content = ReadPlain(git_dir.fd.get(), "gitdir", kMaxPointerBytes);
    if (!content || !*content) return false;
    const auto target = ParsePathFile((*content)->bytes);
    if (!target || !target->ends_with("/.git")) return false;
    const auto dir = OpenDirectory(git_dir.fd.get(), Parent(*target));
    return dir && dir->path == root_.path &&
           SameFile(dir->fd.get(), ".git", root_.fd.get(), ".git");
  }

  /// core.worktree as git resolves it: relative to the git directory.
  static Result<std::optional<std::string>> CoreWorktree(const Directory& git_dir) {
    AMBIT_TRY(const std::optional<PlainFile> file,
              ReadPlain(git_dir.fd.get(), "config", kMaxGitConfigBytes));
    if (!file) return std::nullopt;
    AMBIT_TRY(const GitConfig config, ParseGitConfig(file->bytes));
    std::optional<std::string> worktree;
    for (const GitConfigEntry& entry : config.entries) {
      if (entry.section == "core" && entry.subsection.empty() && entry.key == "worktree") {
        worktree = entry.value;
      }
    }
    return worktree;
  }

  /// One repository: its own files, its objects' alternates and its submodules.
  Status InspectRepository(const Directory& repository, int depth = 0) {
    AMBIT_CHECK(InspectGitDirectory(repository));
    AMBIT_CHECK(InspectAlternates(repository));
    return InspectModules(repository, "modules", depth);
  }

  Status InspectGitDirectory(const Directory& dir) {
    AMBIT_CHECK(MaskCredentials(dir, "config"));
    return MaskCredentials(dir, "config.worktree");
  }

  Status MaskCredentials(const Directory& dir, const char* name) {
    const std::string file = Join(dir.path, name);
    if (IsLink(dir.fd.get(), name)) {
      AMBIT_TRY(std::string target, sys::ReadLink(dir.fd.get(), name));
      Refuse(file, std::move(target), "a symbolic link in place of the configuration", "");
      return {};
    }
    AMBIT_TRY(const std::optional<PlainFile> original,
              ReadPlain(dir.fd.get(), name, kMaxGitConfigBytes));
    if (!original) return {};
    auto replacement = WithoutCredentials(original->bytes);
    if (!replacement) {
      return Fail(replacement.error().code,
                  fmt::format("read '{}': {}", file, replacement.error().what),
                  "repair the file ('git config --list' must work), or run from another directory");
    }
    if (!*replacement) return {};
    const std::string& layer =
        IsAtOrBelow(file, root_.path) ? root_.path : result_.cow_dirs.front();
    result_.masked_files.push_back({.layer = layer,
                                    .path = file.substr(layer.size() + 1),
                                    .content = **std::move(replacement),
                                    .mode = original->mode});
    return {};
  }

  Status InspectAlternates(const Directory& repository) {
    if (IsLink(repository.fd.get(), "objects")) {
      AMBIT_TRY(std::string target, sys::ReadLink(repository.fd.get(), "objects"));
      auto objects = OpenDirectory(repository.fd.get(), "objects");
      const std::string path = objects ? objects->path : "";
      if (!objects || !IsVisible(path)) {
        Refuse(repository.path + "/objects", std::move(target),
               "a symbolic link out of the project", path);
      }
      return {};
    }
    auto objects = OpenDirectory(repository.fd.get(), "objects", RESOLVE_NO_SYMLINKS);
    if (!objects) return {};
    return InspectObjects(*objects, 0);
  }

  bool IsVisible(std::string_view path) const {
    return IsAtOrBelow(path, root_.path) || Allowed(path) ||
           std::ranges::any_of(result_.cow_dirs,
                               [&](const std::string& dir) { return IsAtOrBelow(path, dir); });
  }

  Status InspectObjects(const Directory& objects, int depth) {
    if (!seen_objects_.insert(objects.path).second || depth > kMaxAlternateDepth) return {};
    const std::string file = objects.path + "/info/alternates";
    auto content = ReadPlain(objects.fd.get(), "info/alternates", kMaxAlternatesBytes);
    if (content && !*content) return {};
    auto targets = content ? ParseAlternates((*content)->bytes)
                           : Result<std::vector<std::string>>(std::unexpected(content.error()));
    if (!targets) {
      Refuse(file, "", "the file cannot be read: " + targets.error().what, "");
      return {};
    }
    for (const std::string& target : *targets) {
      auto alternate = OpenDirectory(objects.fd.get(), target);
      if (!alternate) continue;  // git skips what is not there, inside as outside
      if (!IsVisible(alternate->path)) {
        Refuse(file, target, "objects outside the project", alternate->path);
        continue;
      }
      AMBIT_CHECK(InspectObjects(*alternate, depth + 1));
    }
    return {};
  }

  static Result<std::vector<std::string>> Subdirectories(const Directory& dir, const char* name) {
    std::vector<std::string> names;
    auto fd = sys::OpenAt(dir.fd.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                          RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
    if (!fd) {
      const int err = fd.error().sys_errno;
      if (err == ENOENT || err == ENOTDIR || err == ELOOP) return names;
      return std::unexpected(std::move(fd).error());
    }
    AMBIT_TRY(std::vector<sys::DirectoryEntry> entries, sys::ListDirectory(fd->get()));
    for (sys::DirectoryEntry& entry : entries) {
      if (entry.kind == sys::EntryKind::kDirectory) names.push_back(std::move(entry.name));
    }
    return names;
  }

  /// Submodules live in modules/NAME, where NAME may hold slashes, and have modules themselves.
  Status InspectModules(const Directory& dir, const char* name, int depth) {
    AMBIT_TRY(const std::vector<std::string> names, Subdirectories(dir, name));
    for (const std::string& module : names) {
      if (depth >= kMaxModuleDepth || ++module_directories_ > kMaxModuleDirectories) {
        return Fail(Errc::kLimit,
                    fmt::format("list '{}/{}': too many or too deep submodules", dir.path, name));
      }
      auto child = OpenDirectory(dir.fd.get(), fmt::format("{}/{}", name, module),
                                 RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
      if (!child) continue;
      struct stat info{};
      const bool is_repository =
          ::fstatat(child->fd.get(), "HEAD", &info, AT_SYMLINK_NOFOLLOW) == 0;
      if (is_repository) {
        AMBIT_CHECK(InspectRepository(*child, depth + 1));
      } else {
        AMBIT_CHECK(InspectModules(*child, ".", depth + 1));
      }
    }
    return {};
  }

  /// The other linked worktrees of the repository: their own configurations.
  Status InspectWorktrees(const Directory& common) {
    AMBIT_TRY(const std::vector<std::string> names, Subdirectories(common, "worktrees"));
    for (const std::string& name : names) {
      auto dir = OpenDirectory(common.fd.get(), "worktrees/" + name,
                               RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
      if (!dir || dir->path == result_.git_dir) continue;
      AMBIT_CHECK(InspectGitDirectory(*dir));
      AMBIT_CHECK(InspectModules(*dir, "modules", 0));
    }
    return {};
  }

  Directory root_;
  std::vector<std::string> allowed_;
  RefusedPointer pointer_;  // the `.git` that leads out, kept for the refusal
  std::set<std::string> seen_objects_;
  int module_directories_ = 0;
  GitProject result_;
};

}  // namespace

Result<GitProject> InspectGitProject(const std::string& project_root,
                                     std::span<const std::string> allowed_read_only) {
  AMBIT_TRY(Directory root, OpenDirectory(AT_FDCWD, project_root));
  return Inspector(std::move(root), allowed_read_only).Run();
}

}  // namespace ambit::host
