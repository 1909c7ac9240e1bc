#pragma once
// Turns filter rules into a classic BPF program for seccomp(2).
//
// Pure and deterministic: equal rules give equal programs, byte for byte. Called at build time by
// tools/filtergen; a running ambit only installs the result.
//
// Shape: architecture, then number, then a balanced decision over *ranges* of numbers with one
// decision each. Length is what an installation costs, because the kernel runs the program once
// for every number it has (seccomp_cache_prepare_bitmap, since 5.11) and then translates it; so
// neighbours with one decision share a leaf and equal tails of the program exist once. Until a
// number is decided only loads of `arch` and `nr` and plain comparisons are used: what lies
// outside these keeps a number out of that bitmap.
#include <linux/filter.h>

#include <vector>

#include "base/error.h"
#include "plan/filter_rules.h"

namespace ambit::plan {

/// Errors: kLimit when the program is longer than BPF_MAXINSNS (4096); kInvalidArgument when a
/// test names an argument that does not exist.
Result<std::vector<sock_filter>> CompileFilter(const FilterRules& rules);

}  // namespace ambit::plan
