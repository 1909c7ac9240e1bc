#pragma once
// Merged versions of files that the host and the run both changed: three_way.h, with the file of
// the commit as base that HEAD named just before the run began. meta.json has it from then, so no
// run can choose it, and nothing that the host did later is in it.
// Known limit: what the host had not committed when the run began, and took back since, comes again
// with the run's version. So nothing is merged unless somebody says so. Owner and permissions stay
// the host's.
// The base is read from the host's repository by git_plumbing.h: nothing of it is executed.
// Who calls: cli. Errors: kUnsupported and kNotFound when there is no such repository or git.
#include <cstddef>
#include <string>

#include "base/error.h"
#include "review/apply_plan.h"
#include "review/project_tree.h"

namespace ambit::review {

inline constexpr std::size_t kMaxMergeBytes = 4U << 20;      // of each of the three texts
inline constexpr std::size_t kMaxMergeAllBytes = 64U << 20;  // of all bases together

/// What the two edits make together, of the conflicts of `plan`; of those that contradict each
/// other only that they do. `upper` is the open upper layer. Not offered: what is no text, what the
/// base commit does not have, and a package.json whose lifecycle scripts would change.
Result<MergedVersions> OfferMerges(const ProjectTree& tree, int upper, const ApplyPlan& plan,
                                   const std::string& base_commit);

}  // namespace ambit::review
