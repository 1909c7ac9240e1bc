#pragma once
// Connects to addresses.
#include <cstdint>

#include "egress/loop.h"
#include "policy/net_rules.h"

namespace ambit::egress {

/// Connects `out` to the address. 0, or an errno; ECANCELED: `out` was closed meanwhile.
Task<int> Dial(Descriptor& out, const policy::AddressBytes& address, std::uint16_t port);

/// Connects `out` to 127.0.0.1:port, then to [::1]:port. 0, or the errno of the last attempt that
/// says something about the port.
Task<int> DialLoopback(Descriptor& out, std::uint16_t port);

}  // namespace ambit::egress
