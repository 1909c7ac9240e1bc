#pragma once
// Connects to the host's loopback.
#include <cstdint>

#include "egress/loop.h"

namespace ambit::egress {

/// Connects `out` to 127.0.0.1:port, then to [::1]:port. 0, or the errno of the last attempt that
/// says something about the port.
Task<int> DialLoopback(Descriptor& out, std::uint16_t port);

}  // namespace ambit::egress
