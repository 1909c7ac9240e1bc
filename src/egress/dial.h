#pragma once
// Connects to addresses.
#include <cstdint>
#include <functional>

#include "base/fd.h"
#include "egress/loop.h"
#include "egress/patience.h"
#include "policy/net_rules.h"

namespace ambit::egress {

/// Connects `socket`, unconnected and non-blocking, to the address and makes `out` of it. 0, or an
/// errno, and `out` is closed; ECANCELED: `out` was closed meanwhile.
Task<int> Connect(Descriptor& out, Fd socket, const policy::AddressBytes& address,
                  std::uint16_t port);

/// Connects `out` to the address with a socket of its own. 0, or an errno, as Connect.
Task<int> Dial(Descriptor& out, const policy::AddressBytes& address, std::uint16_t port);

inline constexpr policy::AddressBytes kLoopbackV4 = {0, 0, 0,    0,    0,   0, 0, 0,
                                                     0, 0, 0xFF, 0xFF, 127, 0, 0, 1};
inline constexpr policy::AddressBytes kLoopbackV6 = {0, 0, 0, 0, 0, 0, 0, 0,
                                                     0, 0, 0, 0, 0, 0, 0, 1};

/// Connects `out` to 127.0.0.1:port, then to [::1]:port. 0, or the errno of the last attempt that
/// says something about the port; ECANCELED: the patience was over first.
Task<int> DialLoopback(Descriptor& out, std::uint16_t port, Patience& patience);

/// What a patience is woken by while `out` is being connected: Connect then says ECANCELED.
std::function<void()> Closing(Descriptor& out);

}  // namespace ambit::egress
