#pragma once
// Files with sign-ins of registries and of git that lie inside trees of tools a run is shown: the
// versions of node and python in a home have settings of their own beside their programs. Each is
// covered by an empty one. Not covered: such a file in another place, one that is made during the
// run, and one that a person names itself.
// Who calls: supervise, before planning. Errors: kLimit above kMaxToolNames.
#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"

namespace ambit::host {

inline constexpr std::size_t kMaxToolNames = 100'000;  // looked at, together

/// Real paths of plain files below one of `shown`, which are real paths too; sorted, none twice.
Result<std::vector<std::string>> FindToolCredentials(const std::string& home,
                                                     const std::vector<std::string>& shown);

}  // namespace ambit::host
