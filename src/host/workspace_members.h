#pragma once
// The directories that a project's manifest names as its parts (npm, yarn, bun and pnpm workspaces,
// lerna, Cargo, uv, Go): where secrets lie beside the top directory. Manifests are hostile: they
// only decide which directories of the project are listed, patterns are expanded one directory list
// at a time, nothing is walked, no link is followed. Who calls: secret_files. Errors: kLimit above
// kMaxMembers. Sources: docs.npmjs.com "workspaces", pnpm.io/pnpm-workspace_yaml, the Cargo Book
// "The workspace section", go.dev/ref/mod "go.work files", docs.astral.sh/uv "Using workspaces".
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::host {

inline constexpr std::size_t kMaxMembers = 4096;

/// Existing directories relative to `project`, sorted, each once; the top itself is not among them.
Result<std::vector<std::string>> WorkspaceMembers(int project);

// The formats, as pure functions for tests and fuzzing. What cannot be read names nothing.

/// "workspaces" of package.json (a list, or an object with "packages"), "packages" of lerna.json.
std::vector<std::string> JsonMembers(std::string_view text);
/// The list `packages:` of pnpm-workspace.yaml.
std::vector<std::string> YamlMembers(std::string_view text);
/// `members = [...]` of a table whose name ends in "workspace".
std::vector<std::string> TomlMembers(std::string_view text);
/// `use DIR` and `use ( DIR... )` of go.work.
std::vector<std::string> GoMembers(std::string_view text);

/// Whether a file name matches a pattern of `*` and `?`, in any case of ASCII letters.
bool MatchesName(std::string_view pattern, std::string_view name);

}  // namespace ambit::host
