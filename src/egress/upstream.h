#pragma once
// Connects to the world: a name is resolved, what it resolves to is judged, and the very address
// that was judged is dialled. Who calls: egress/relay.
#include <cstdint>
#include <string>
#include <vector>

#include "egress/foreign.h"
#include "egress/loop.h"
#include "egress/resolver.h"

namespace ambit::egress {

/// Of `addresses` those that may be dialled, in their order.
std::vector<policy::AddressBytes> OnlyPublic(std::vector<policy::AddressBytes> addresses);

/// Connects `out` to the first of `addresses` that takes a connection; the next one is tried beside
/// it after 250 ms (RFC 8305), two at once at most, each for 10 seconds. 0, or the errno of the
/// last that failed.
inline constexpr std::size_t kMostAttempts = 2;
Task<int> DialAny(asio::io_context& loop, Descriptor& out,
                  std::vector<policy::AddressBytes> addresses, std::uint16_t port);

}  // namespace ambit::egress
