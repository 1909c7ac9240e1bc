#pragma once
// What the launcher left open. Who calls: run, before anything else is opened.
#include "base/error.h"

namespace ambit::supervise {

/// Closes all descriptors but the standard streams, which are there afterwards. Errors:
/// kInvalidArgument for a standard stream that would be a door to the host: a directory, a socket
/// of its network.
Status TidyDescriptors();

}  // namespace ambit::supervise
