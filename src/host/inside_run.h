#pragma once

namespace ambit::host {

/// Whether this process is already inside a run of ambit. Decided by what the kernel says of the
/// process, never by the environment, which anybody can set.
bool IsInsideRun();

/// What a run's machine calls itself.
inline constexpr const char* kHostnameInside = "ambit";

/// What is said to a person who starts a run inside a run.
inline constexpr const char* kInsideRun =
    "this is already inside a run of ambit: the kernel's ways to build another one are closed here";
inline constexpr const char* kInsideRunRemedy =
    "start it outside; everything that is started in here is contained already";

}  // namespace ambit::host
