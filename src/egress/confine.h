#pragma once
// What the egress process gives up before it touches a byte from inside.
//
// Caller: RunEgress, in a single-threaded fork of the supervisor. The two steps are separate
// because the first decides which descriptors exist and the second forbids to make others.
#include <sys/types.h>

#include <expected>
#include <optional>
#include <span>

#include "base/error.h"
#include "egress/report.h"

namespace ambit::egress {

/// The host ids egress runs as when the supervisor is root: unprivileged, and not the agent's, so
/// that neither may signal or trace the other.
struct HostIdentity {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// Leaves the supervisor's session, signal handlers, environment and every descriptor not in
/// `keep`; 0, 1 and 2 become /dev/null. kInvalidArgument for a descriptor to keep below 3.
Status LeaveTheSupervisor(std::span<const int> keep);

/// Takes the identity, with no groups besides its own.
/// kInvalidArgument for root without an identity to take.
Status BecomeEgress(const std::optional<HostIdentity>& identity);

/// No file can be opened, made or changed any more, by Landlock alone; part of RaiseWalls. Needs
/// no_new_privs. Never the signal scope: it would stop the kernel's death signal from reaching
/// processes outside of the domain.
Status CloseTheFileSystem();

struct WallFailure {
  Stage stage = Stage::kNone;
  Error error;
};

/// For good: no capabilities, no_new_privs, not dumpable, no core file, dies with the parent (the
/// second line behind the life line), no files, and only the system calls of plan::EgressFilter.
std::expected<void, WallFailure> RaiseWalls();

}  // namespace ambit::egress
