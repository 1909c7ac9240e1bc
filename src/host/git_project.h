#pragma once
// What a project's `.git` reaches, found without running git and without trusting the project.
// A project is hostile: its `.git` may point anywhere. A pointer that leaves the project is
// honoured only where the target points back at it, because only the owner of the target can have
// written that; else it is refused by name with the flag that allows it.
// Read: `.git` and below the git directories it leads to `commondir`, `gitdir`, `config`,
// `config.worktree`, `objects/info/alternates`, and the same of the submodules in `modules`.
// Followed: symbolic links in the directory part of a pointer's target and `.git` itself when it is
// a link, as git does; never a link below a git directory, and no magic link of /proc.
// Not found: a repository nested in the project that the project's own does not list in `modules`;
// that would be a walk of the tree.
// Cost: some tens of system calls; bounded in files, bytes and depth.
// Who calls: plan. Errors: kInvalidArgument when a configuration cannot be parsed (so nobody knows
// which credentials it holds), kLimit above a bound, kIo and kDenied from the kernel.
// Source of the pointers' meaning: gitrepository-layout(5), git-worktree(1) "DETAILS".
#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::host {

enum class GitLayout : std::uint8_t {
  kNone,        // no usable repository
  kDirectory,   // a `.git` directory, or a pointer to one inside the project
  kWorktree,    // linked by `git worktree add`
  kPointsBack,  // a submodule's checkout: core.worktree of the target names the project. That of
                // --separate-git-dir counts as one once the user has set core.worktree in it
};

struct RefusedPointer {
  std::string file;    // absolute path of the file that points
  std::string target;  // what it says, raw
  std::string reason;
  std::string flag;  // what the user can say to allow it; empty when nothing can
};

/// A file whose inside view must be `content` instead of what the host has, or which must not be
/// there at all.
struct MaskedFile {
  std::string layer;  // absolute path of the layer's root: the project or one of cow_dirs
  std::string path;   // relative to it
  std::string content;
  mode_t mode = 0;  // permission bits of the original
  bool hidden = false;
  std::string rule = {};  // what says so: "*.pem, by default", "--hide 'x*'"
};

struct GitProject {
  GitLayout layout = GitLayout::kNone;
  std::string git_dir;                // canonical; empty when kNone
  std::string common_dir;             // canonical; equal to git_dir but for a linked worktree
  std::vector<std::string> cow_dirs;  // outside the project, to exist inside copy-on-write
  std::vector<RefusedPointer> refused;
  std::vector<MaskedFile> masked_files;
};

/// `allowed_read_only`: absolute host paths the user brings in anyway (--ro); a pointer into one of
/// them is neither refused nor inspected further.
Result<GitProject> InspectGitProject(const std::string& project_root,
                                     std::span<const std::string> allowed_read_only);

// The formats, as pure functions for tests and fuzzing.

/// A `.git` file: "gitdir: PATH". Errors: kInvalidArgument.
Result<std::string> ParseGitFile(std::string_view bytes);

/// One path on one line (`commondir`, `gitdir`). Errors: kInvalidArgument.
Result<std::string> ParsePathFile(std::string_view bytes);

/// objects/info/alternates: a path a line, '#' comments, C-quoted paths. Errors: kInvalidArgument.
Result<std::vector<std::string>> ParseAlternates(std::string_view bytes);

}  // namespace ambit::host
