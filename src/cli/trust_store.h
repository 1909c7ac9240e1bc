#pragma once
// Which projects' policy files a person has trusted, by the SHA-256 of their bytes: the smallest
// change makes a file untrusted again. Kept beside the runs, one file for each project, named by
// the SHA-256 of its path; nothing inside a run can see or reach it.
// Who calls: effective_policy.cc and trust.cc. Errors: of the file system.
#include <string>
#include <string_view>

#include "base/error.h"

namespace ambit::cli {

/// `runs_root` as workspace::RunStore::DefaultRoot gives it; `project` is a real path.
bool IsTrusted(const std::string& runs_root, const std::string& project, std::string_view text);
Status Trust(const std::string& runs_root, const std::string& project, std::string_view text);
/// Nothing to do is no error.
Status Distrust(const std::string& runs_root, const std::string& project);

}  // namespace ambit::cli
