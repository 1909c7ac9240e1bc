#include "sys/landlock.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#include "sys/kernel_abi.h"

namespace ambit::sys {
namespace {

constexpr std::uint64_t kFileRights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                      LANDLOCK_ACCESS_FS_READ_FILE | abi::kLandlockFsTruncate |
                                      abi::kLandlockFsIoctlDev;

std::uint64_t HandledRights(int abi) {
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of ABI 1
  if (abi >= 2) rights |= abi::kLandlockFsRefer;
  if (abi >= 3) rights |= abi::kLandlockFsTruncate;
  if (abi >= 5) rights |= abi::kLandlockFsIoctlDev;
  return rights;
}

std::size_t AttributeSize(int abi) {
  if (abi >= 6) return sizeof(abi::LandlockRulesetAttr);
  if (abi >= 4) return offsetof(abi::LandlockRulesetAttr, scoped);
  return offsetof(abi::LandlockRulesetAttr, handled_access_net);
}

}  // namespace

Result<int> LandlockAbi() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) {
    return FailErrno(errno, "landlock_create_ruleset(VERSION)",
                     "boot with 'landlock' in lsm= (CONFIG_SECURITY_LANDLOCK)");
  }
  return static_cast<int>(version);
}

std::uint64_t LandlockBits(LandlockAccess access, int abi, bool is_directory) {
  std::uint64_t bits = 0;
  if (Has(access, LandlockAccess::kList)) bits |= LANDLOCK_ACCESS_FS_READ_DIR;
  if (Has(access, LandlockAccess::kRead)) bits |= LANDLOCK_ACCESS_FS_READ_FILE;
  if (Has(access, LandlockAccess::kExecute)) bits |= LANDLOCK_ACCESS_FS_EXECUTE;
  if (Has(access, LandlockAccess::kWrite)) {
    bits |= LANDLOCK_ACCESS_FS_WRITE_FILE | abi::kLandlockFsTruncate;
  }
  if (Has(access, LandlockAccess::kChange)) {
    bits |= LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
            LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
            LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
            LANDLOCK_ACCESS_FS_MAKE_SYM | abi::kLandlockFsRefer;
  }
  if (Has(access, LandlockAccess::kDevice)) bits |= abi::kLandlockFsIoctlDev;
  bits &= HandledRights(abi);
  return is_directory ? bits : bits & kFileRights;
}

Result<LandlockRuleset> LandlockRuleset::Create(int abi, bool scope_signals) {
  abi::LandlockRulesetAttr attr{.handled_access_fs = HandledRights(abi)};
  if (abi >= 6 && scope_signals) {
    attr.scoped = abi::kLandlockScopeAbstractUnixSocket | abi::kLandlockScopeSignal;
  }
  const long fd = ::syscall(SYS_landlock_create_ruleset, &attr, AttributeSize(abi), 0);
  if (fd < 0) return FailErrno(errno, "landlock_create_ruleset");
  return LandlockRuleset(Fd(static_cast<int>(fd)), abi);
}

Status LandlockRuleset::Allow(int path_fd, LandlockAccess access) {
  struct stat info{};
  if (::fstat(path_fd, &info) != 0) return FailErrno(errno, "fstat of a Landlock rule's path");
  landlock_path_beneath_attr rule{};
  rule.parent_fd = path_fd;
  rule.allowed_access = LandlockBits(access, abi_, S_ISDIR(info.st_mode));
  if (rule.allowed_access == 0) return {};
  if (::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return FailErrno(errno, "landlock_add_rule");
  }
  return {};
}

Status LandlockRuleset::Restrict() {
  if (::syscall(SYS_landlock_restrict_self, fd_.get(), 0) != 0) {
    return FailErrno(errno, "landlock_restrict_self");
  }
  return {};
}

}  // namespace ambit::sys
