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

// include/uapi/linux/pidfd.h
inline constexpr unsigned kPidfdThread = 0200;              // 6.9, O_EXCL on x86-64 and arm64
inline constexpr unsigned long kPidfdGetInfo = 0xc040ff0b;  // 6.13, _IOWR(0xff, 11, 64 bytes)
inline constexpr std::uint64_t kPidfdInfoExit = 1ULL << 3;  // 6.15

/// struct pidfd_info as of 6.15, which is as long as that of 6.13.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup = 0;
  std::uint32_t pid = 0;
  std::uint32_t tgid = 0;
  std::uint32_t ppid = 0;
  std::uint32_t ids[8] = {};
  std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);

}  // namespace ambit::sys::abi
