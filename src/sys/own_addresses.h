#pragma once
// The addresses that the interfaces of this machine have, in the calling process's network
// namespace. Asked for by themselves: getifaddrs(3) has the kernel tell all about each interface as
// well, under a lock that a run which builds its network waits for. Who calls: supervise. Source:
// rtnetlink(7).
#include <array>
#include <cstdint>
#include <set>

#include "base/error.h"

namespace ambit::sys {

/// 16 bytes each, those of IPv4 as ::ffff:a.b.c.d. kIo: the kernel does not say.
Result<std::set<std::array<std::uint8_t, 16>>> OwnAddresses();

}  // namespace ambit::sys
