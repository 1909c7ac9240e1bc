#include "workspace/root_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "sys/file.h"
#include "workspace/run_store.h"

namespace ambit::workspace {
namespace {

namespace fs = std::filesystem;
using plan::RootEntry;

constexpr const char* kRecipe = "recipe";
constexpr const char* kTree = "tree";
constexpr std::size_t kMaxRecipe = 16U << 20;

// ---- Filling

/// Others must be able to read what is shown to them, whatever the person's umask.
class OpenUmask {
 public:
  OpenUmask() : before_(::umask(022)) {}
  ~OpenUmask() { ::umask(before_); }
  OpenUmask(const OpenUmask&) = delete;
  OpenUmask& operator=(const OpenUmask&) = delete;

 private:
  mode_t before_;
};

Status MakeDirectoryAt(int root, const std::string& inside) {
  const char* relative = inside.c_str() + 1;
  if (::mkdirat(root, relative, 0755) == 0 || errno == EEXIST) return {};
  if (errno == ENOENT) return sys::MakeDirectories(root, relative);
  return FailErrno(errno, fmt::format("mkdir '{}'", Printable(inside)));
}

Status MakeFileAt(int root, const std::string& inside, std::string_view content, mode_t mode) {
  const Status made = sys::WriteNewFile(root, inside.c_str() + 1, content, mode);
  if (made || made.error().sys_errno != ENOENT) return made;
  AMBIT_CHECK(MakeDirectoryAt(root, inside.substr(0, inside.rfind('/'))));
  return sys::WriteNewFile(root, inside.c_str() + 1, content, mode);
}

// ---- Keeping

/// Everything a tree depends on.
Result<std::string> RecipeOf(const plan::LaunchPlan& plan) {
  std::string recipe;
  const auto add = [&](std::string_view text) {
    recipe += fmt::format("{}:", text.size());
    recipe += text;
  };
  add("1");  // of the format
  AMBIT_TRY(const std::string boot,
            sys::ReadSmallFile(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 128));
  add(boot);
  for (const RootEntry& entry : plan.root) {
    recipe += fmt::format("e{}{:o}", std::to_underlying(entry.kind), entry.mode);
    add(entry.path);
    add(entry.content);
  }
  for (const plan::Mount& mount : plan.mounts) {
    if (plan::LiesBelowAMount(plan, mount.inside)) continue;
    recipe += mount.directory ? 'd' : 'f';
    add(mount.inside);
  }
  return recipe;
}

/// The tree at `path` if it is there and fits. kNotFound when it has to be made.
Result<RootTree> Take(const std::string& path, const std::string& recipe) {
  AMBIT_TRY(Fd dir, sys::OpenAt(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (::flock(dir.get(), LOCK_SH) != 0) return FailErrno(errno, "flock of a root tree");
  // Between the two calls it may have been removed.
  AMBIT_TRY(const std::string found, sys::ReadSmallFile(dir.get(), kRecipe, kMaxRecipe));
  if (found != recipe) {
    return Fail(Errc::kIo, fmt::format("root tree '{}': not what it was made of", Printable(path)),
                "remove the directory");
  }
  return RootTree{.path = path + "/" + kTree, .lock = std::move(dir)};
}

/// Made aside and put in place as a whole. When another run was faster, its tree is as good.
Status Make(const std::string& roots, const std::string& name, const std::string& recipe,
            const plan::LaunchPlan& plan) {
  std::string aside = roots + "/new-XXXXXX";
  if (::mkdtemp(aside.data()) == nullptr) return FailErrno(errno, "mkdir a new root tree");
  AMBIT_TRY(const Fd dir, sys::OpenAt(AT_FDCWD, aside.c_str(), O_RDONLY | O_DIRECTORY));
  if (::flock(dir.get(), LOCK_EX) != 0) return FailErrno(errno, "flock of a root tree");
  if (::mkdirat(dir.get(), kTree, 0755) != 0 || ::fchmodat(dir.get(), kTree, 0755, 0) != 0) {
    return FailErrno(errno, "mkdir a new root tree");
  }
  AMBIT_TRY(const Fd tree, sys::OpenAt(dir.get(), kTree, O_PATH | O_DIRECTORY));
  AMBIT_CHECK(FillRoot(tree.get(), plan));
  AMBIT_CHECK(sys::WriteNewFile(dir.get(), kRecipe, recipe, 0600));
  if (::rename(aside.c_str(), (roots + "/" + name).c_str()) == 0) return {};
  const int error = errno;
  std::error_code ignored;
  fs::remove_all(aside, ignored);
  if (error == EEXIST || error == ENOTEMPTY) return {};
  return FailErrno(error, "rename a new root tree");
}

/// Best effort: what cannot be removed now is removed another time.
void RemoveOldOnes(const std::string& roots) {
  std::vector<std::pair<fs::file_time_type, fs::path>> all;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(roots, ignored)) {
    all.emplace_back(entry.last_write_time(ignored), entry.path());
  }
  std::ranges::sort(all);
  for (std::size_t i = 0; i + kMostRootTrees < all.size(); ++i) {
    const auto dir =
        sys::OpenAt(AT_FDCWD, all[i].second.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!dir || ::flock(dir->get(), LOCK_EX | LOCK_NB) != 0) continue;
    // The recipe goes first: without it nobody takes the rest.
    (void)::unlinkat(dir->get(), kRecipe, 0);
    fs::remove_all(all[i].second, ignored);
  }
}

}  // namespace

Status FillRoot(int dir, const plan::LaunchPlan& plan) {
  const OpenUmask readable;
  for (const RootEntry& entry : plan.root) {
    if (entry.kind == RootEntry::Kind::kDirectory) {
      AMBIT_CHECK(MakeDirectoryAt(dir, entry.path));
    } else if (entry.kind == RootEntry::Kind::kFile) {
      AMBIT_CHECK(MakeFileAt(dir, entry.path, entry.content, entry.mode));
    }
  }
  for (const plan::Mount& mount : plan.mounts) {
    if (plan::LiesBelowAMount(plan, mount.inside)) continue;
    AMBIT_CHECK(mount.directory ? MakeDirectoryAt(dir, mount.inside)
                                : MakeFileAt(dir, mount.inside, "", 0644));
  }
  // Links come last: nothing above may be made through one.
  for (const RootEntry& entry : plan.root) {
    if (entry.kind == RootEntry::Kind::kSymlink) {
      AMBIT_CHECK(sys::MakeSymlink(dir, entry.path, entry.content));
    }
  }
  return {};
}

std::string RootsBeside(const std::string& runs_root) {
  return runs_root.substr(0, runs_root.rfind('/')) + "/roots";
}

Result<RootTree> FindOrMakeRootTree(const std::string& roots, const plan::LaunchPlan& plan) {
  AMBIT_TRY(const std::string recipe, RecipeOf(plan));
  const std::string name = fmt::format("{:016x}", std::hash<std::string>{}(recipe));
  AMBIT_TRY(const RunStore store, RunStore::Open(roots, /*create=*/true));
  const std::string path = store.root() + "/" + name;
  constexpr int kTries = 8;  // each lost to somebody who removes old trees at this very moment
  Result<RootTree> taken = Take(path, recipe);
  for (int i = 0; i < kTries && !taken && taken.error().code == Errc::kNotFound; ++i) {
    AMBIT_CHECK(Make(store.root(), name, recipe, plan));
    taken = Take(path, recipe);
    RemoveOldOnes(store.root());
  }
  return taken;
}

}  // namespace ambit::workspace
