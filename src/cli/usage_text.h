#pragma once
// Figures of a run as people and programs read them. Who calls: top, stats, inspect.
#include <cstdint>
#include <string>

#include "plan/limits.h"
#include "workspace/run_store.h"

namespace ambit::cli {

/// "1.5 GiB".
std::string Size(std::uint64_t bytes);
/// "1:02:03" of milliseconds.
std::string Span(std::uint64_t ms);

/// "1.5 GiB of 4 GiB"; without a limit of that kind "1.5 GiB".
std::string OfLimit(std::string amount, const plan::Limits& limits, policy::Limit kind);

/// "memory 4 GiB, processes 512".
std::string LimitsForPeople(const plan::Limits& limits);

/// {"memory":4294967296,"time":60000}: the values of all limits, in the units of the policy.
std::string LimitsForPrograms(const plan::Limits& limits);

/// Milliseconds since the run began, or that it took.
std::uint64_t WallOf(const workspace::RunMeta& meta);

}  // namespace ambit::cli
