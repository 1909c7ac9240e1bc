#pragma once
// What a consent to a path stands for: one meaning for everything that the gate holds.
// Who calls: apply and branch.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/path.h"
#include "review/apply_plan.h"
#include "review/gate_git_directories.h"

namespace ambit::review {

/// A consent is to the path itself, and, where it names a directory that is itself gated (by its
/// name, because it is a git repository, or a place of the host's git), to all that lies in it. Any
/// other directory would consent to what nobody thought of.
bool IsConsented(std::string_view path, std::span<const std::string> consents, GitDirectories& git);

/// The first of `wanted` that none of `changes` (with a member `path`) is at or below; null when
/// each names something. One that names nothing is a slip of the keyboard, not a wish.
template <class Changes>
const std::string* FindNamingNothing(const std::vector<std::string>& wanted,
                                     const Changes& changes) {
  const auto found = std::ranges::find_if(wanted, [&](const std::string& path) {
    return std::ranges::none_of(changes,
                                [&](const auto& change) { return IsAtOrBelow(change.path, path); });
  });
  return found == wanted.end() ? nullptr : &*found;
}

}  // namespace ambit::review
