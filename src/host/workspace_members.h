#pragma once
// The directories where secrets of a project lie beside its top: where a manifest in the top
// declares a workspace (npm, yarn, bun, pnpm, lerna, deno, Cargo, uv, Go), every directory one and
// two levels down, and those deeper ones that it names. Which of the first are members is not
// asked: the formats have too many spellings, and a member that is missed is a secret that is
// shown. A manifest that cannot be read declares one. They are hostile: they only decide which
// directories are listed. Not entered: names that begin with a dot, node_modules, target. Who
// calls: secret_files. Errors: kLimit above kMaxMembers or kMaxListed.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::host {

inline constexpr std::size_t kMaxMembers = 20'000;
inline constexpr std::size_t kMaxListed = 1'000'000;    // names, of all lists together
inline constexpr std::size_t kMaxDeepPatterns = 1'000;  // of one manifest

/// Existing directories relative to `project`, sorted, each once; the top itself is not among them.
/// With a `part`, a directory relative to it, only those at, above and below that.
Result<std::vector<std::string>> WorkspaceMembers(int project, std::string_view part = {});

// Pure, for tests and fuzzing.

/// What a manifest's text may name three levels down or deeper: words of letters, digits and
/// `_.@*-/` with two slashes or more, without "." and "..", in any format. A `*` stands for one
/// level.
std::vector<std::string> DeepPatterns(std::string_view manifest);

/// Whether a file name matches a pattern of `*` and `?`, in any case of ASCII letters.
bool MatchesName(std::string_view pattern, std::string_view name);

}  // namespace ambit::host
