#pragma once
// The files of a project that a run must not see as they are: shown with the same keys and
// placeholders where they are lists of `KEY=value`, absent else. Found without a walk of the tree:
// patterns are looked for in the project's top directory and in those of its workspace
// (workspace_members.h), one list each. A pattern that begins with `**/` is a walk, and only a
// person asks for one.
// A link of such a name is followed to a file of the project, and that is masked. Not covered: hard
// links of another name, what git's history holds, and files that the host makes during the run.
// Who calls: supervise, before planning. Errors: kInvalidArgument for a pattern, kLimit above
// kMaxSecretFiles or kMaxWalked, kIo and kDenied from the kernel.
#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/git_project.h"

namespace ambit::host {

inline constexpr std::size_t kMaxSecretFiles = 10'000;
inline constexpr std::size_t kMaxWalked = 2'000'000;  // names looked at for `**/`

/// Patterns of `*` and `?`: `NAME` (anchored as above), `DIR/NAME` (there, DIR as it is written,
/// from the top directory) or `**/NAME` (everywhere but in .git, node_modules, target and .venv).
/// A `/` at the end means a directory, which can only be hidden. Any case of ASCII letters.
struct SecretPatterns {
  std::vector<std::string> mask;  // besides the defaults
  std::vector<std::string> hide;
  std::vector<std::string> unmask;  // shown as they are, whatever the others say
};

/// Asked for, and nothing fits.
struct UnmatchedPattern {
  std::string flag;  // "--hide"
  std::string pattern;
};

struct SecretFiles {
  std::vector<MaskedFile> files;  // sorted by path, none twice; `layer` is the project
  std::vector<UnmatchedPattern> unmatched;
};

/// By default `.env*` is masked, and `*.pem` and `*.key` are hidden. `.env.example` and
/// `.env.sample` are left alone, unless a pattern without `*` and `?` names them. Sorted by path,
/// none twice; `layer` is the project.
Result<SecretFiles> FindSecretFiles(const std::string& project_root,
                                    const SecretPatterns& patterns);

}  // namespace ambit::host
