#pragma once
// Kernel constants newer than Debian 12's headers (linux-libc-dev 6.1), each with the kernel
// version that brought it. Values are ABI: they never change.
#include <linux/landlock.h>

#include <cstdint>

namespace ambit::sys::abi {

// include/uapi/linux/landlock.h
inline constexpr std::uint64_t kLandlockFsRefer = 1ULL << 13;     // 5.19, ABI 2
inline constexpr std::uint64_t kLandlockFsTruncate = 1ULL << 14;  // 6.2, ABI 3
inline constexpr std::uint64_t kLandlockFsIoctlDev = 1ULL << 15;  // 6.10, ABI 5

inline constexpr std::uint64_t kLandlockScopeAbstractUnixSocket = 1ULL << 0;  // 6.12, ABI 6
inline constexpr std::uint64_t kLandlockScopeSignal = 1ULL << 1;              // 6.12, ABI 6

// include/uapi/linux/seccomp.h
inline constexpr unsigned long kSeccompIoctlNotifSetFlags = 0x40082104;  // 6.6, _IOW('!', 4, u64)
inline constexpr std::uint64_t kSeccompNotifSyncWakeUp = 1;              // 6.6

/// struct landlock_ruleset_attr as of 6.12; older kernels take a shorter prefix of it.
struct LandlockRulesetAttr {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // 6.7, ABI 4
  std::uint64_t scoped;              // 6.12, ABI 6
};

}  // namespace ambit::sys::abi
