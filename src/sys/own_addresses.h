#pragma once
// The addresses that the interfaces of this machine have, in the calling process's network
// namespace. Who calls: supervise. Source: getifaddrs(3).
#include <array>
#include <cstdint>
#include <set>

#include "base/error.h"

namespace ambit::sys {

/// 16 bytes each, those of IPv4 as ::ffff:a.b.c.d. kIo: the kernel does not say.
Result<std::set<std::array<std::uint8_t, 16>>> OwnAddresses();

}  // namespace ambit::sys
