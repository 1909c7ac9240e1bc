#pragma once
// The keep policy: finished runs go by themselves when they are old or all of them are large,
// never without a warning a day before, and never with work that nobody took. Who calls: run, after
// its end, so that no start waits for it; it looks at most once a day, and then for a bounded time.
// What may go: a run that changed nothing, was discarded, or whose work came to the host in full by
// apply (branch brings one head of several). Everything else is only named, with the command that
// drops it. Never looked at: what was started with --keep-run, is alive, broken, half applied or in
// use by another ambit.
#include <cstdint>

namespace ambit::cli {

inline constexpr std::int64_t kKeepDays = 30;
inline constexpr std::uint64_t kKeepBytes = 10ULL << 30;  // all runs together

/// Speaks to stderr. What fails is left for the next time.
void TidyRuns();

}  // namespace ambit::cli
