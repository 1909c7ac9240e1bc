#pragma once
// The files of a project that a run must not see as they are: shown with the same keys and
// placeholders where they are lists of `KEY=value`, absent else. Found without a walk of the tree:
// patterns are looked for in the project's top directory and in those of its workspace
// (workspace_members.h), one list each. A pattern that begins with `**/` is a walk of all of it,
// and only a person asks for one: it holds everywhere, or it is told where not (.git), or the run
// is refused.
// A part of other projects has the secrets that it has there, whatever makes it one by itself.
// A link of such a name is followed to a file of the project, and that is masked. Not covered: hard
// links of another name, what git's history holds, and files that the host makes during the run.
// Who calls: supervise, before planning. Errors: kInvalidArgument for a pattern, kLimit above
// kMaxSecretFiles, kMaxWalked or kMaxCompared, kIo and kDenied from the kernel.
#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "host/git_project.h"

namespace ambit::host {

inline constexpr std::size_t kMaxSecretFiles = 10'000;
inline constexpr std::size_t kMaxWalked = 2'000'000;      // names looked at for `**/`
inline constexpr std::size_t kMaxCompared = 200'000'000;  // names times patterns

/// Patterns of `*` and `?`: `NAME` (anchored as above), `DIR/NAME` (there, DIR as it is written,
/// from the top directory) or `**/NAME` (everywhere but in .git: hiding a part of that breaks git).
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

  bool operator==(const UnmatchedPattern&) const = default;
};

/// Fits something in .git and does not hold there.
struct PatternInGit {
  std::string flag;
  std::string pattern;
  std::string path;  // the first one
};

struct SecretFiles {
  std::vector<MaskedFile> files;  // sorted by path, none twice; `layer` is the project
  std::vector<UnmatchedPattern> unmatched;
  std::vector<PatternInGit> in_git;
};

/// By default `.env*` but not `.env.example` and `.env.sample` is masked, and `*.pem` and `*.key`
/// are hidden. `around`: roots of the projects that `project_root` is a part of. Patterns hold from
/// each of them as well, and a part that they hide is kInvalidArgument.
Result<SecretFiles> FindSecretFiles(const std::string& project_root, const SecretPatterns& patterns,
                                    const std::vector<std::string>& around = {});

}  // namespace ambit::host
