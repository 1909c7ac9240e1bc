#pragma once
// Figures of a run as people and programs read them. Who calls: top, stats.
#include <cstdint>
#include <string>

#include "supervise/run_usage.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// "1.5 GiB".
std::string Size(std::uint64_t bytes);
/// "1:02:03" of milliseconds.
std::string Span(std::uint64_t ms);

/// Milliseconds since the run began, or that it took.
std::uint64_t WallOf(const workspace::RunMeta& meta);

}  // namespace ambit::cli
