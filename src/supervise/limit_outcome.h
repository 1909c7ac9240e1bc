#pragma once
// How a run ends that has reached one of its limits, and how that is told. Who calls: limit_watch,
// supervision. No errors.
#include <cstdint>
#include <string>
#include <string_view>

#include "plan/limits.h"
#include "supervise/outcome.h"

namespace ambit::supervise {

struct LimitWords {
  Cause cause;
  int exit_code;
  std::string_view name;  // "cpu_time"
  std::string_view flag;  // "--cpu-time"
};
const LimitWords& WordsFor(policy::Limit limit);

/// The end at `limit`, of which the run had `used`.
Outcome LimitReached(const plan::Limit& limit, std::uint64_t used);

/// "1.5 GiB", "90 s", "4096": as the values of `limit` are meant.
std::string InUnits(policy::Limit limit, std::uint64_t value);

}  // namespace ambit::supervise
