#pragma once
// Landlock: a process gives up file access for itself and all it will ever start. Every right the
// running kernel knows is handled, so what no rule grants is refused.
#include <cstdint>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::sys {

/// The ABI version of the running kernel (>= 1). Errors: kUnsupported when Landlock is not built
/// in or not in the `lsm=` boot list.
Result<int> LandlockAbi();

/// What a rule grants below a path; combined with |.
enum class LandlockAccess : std::uint32_t {
  kNone = 0,
  kList = 1U << 0,     // readdir
  kRead = 1U << 1,     // read files
  kExecute = 1U << 2,  // execve and friends
  kWrite = 1U << 3,    // write and truncate existing files
  kChange = 1U << 4,   // create, remove, rename and link everything but device nodes
  kDevice = 1U << 5,   // ioctl on device files
};
constexpr LandlockAccess operator|(LandlockAccess a, LandlockAccess b) {
  return static_cast<LandlockAccess>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
constexpr bool Has(LandlockAccess set, LandlockAccess bit) {
  return (static_cast<std::uint32_t>(set) & static_cast<std::uint32_t>(bit)) != 0;
}

/// The kernel's bits for `access` under `abi`; for a regular file or device the rights that only
/// directories have are left out (the kernel answers EINVAL to them).
std::uint64_t LandlockBits(LandlockAccess access, int abi, bool is_directory);

/// Collects rules, then confines the calling process for good.
/// Precondition of Restrict: no_new_privs is set and the process has one thread.
class LandlockRuleset {
 public:
  /// `scope_signals`: also forbid signals and abstract unix sockets to processes outside (ABI 6;
  /// older kernels do not have it and leave that to the PID and network namespaces). Trap: a
  /// process confined so delivers no PDEATHSIG to children outside of its domain when it dies, so
  /// only init may ask for it, never supervisor or egress.
  static Result<LandlockRuleset> Create(int abi, bool scope_signals);

  /// Grants `access` on the file or below the directory `path_fd` (O_PATH will do).
  Status Allow(int path_fd, LandlockAccess access);
  Status Restrict();

 private:
  LandlockRuleset(Fd fd, int abi) : fd_(std::move(fd)), abi_(abi) {}
  Fd fd_;
  int abi_;
};

}  // namespace ambit::sys
