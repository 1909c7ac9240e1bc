#include "plan/set_id_filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "plan/filter_compiler.h"

namespace ambit::plan {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

constexpr std::uint32_t kFchmodat2 = 452;  // include/uapi/asm-generic/unistd.h, since 6.6
constexpr std::uint64_t kSetId = S_ISUID | S_ISGID;
constexpr std::uint64_t kMakesAFile = O_CREAT | (O_TMPFILE & ~O_DIRECTORY);

ArgTest HasBits(int arg, std::uint64_t bits) {
  return {.arg = arg, .mask = bits, .values = {0}, .negated = true};
}

Decision EpermWhen(std::vector<ArgTest> tests) {
  return {.otherwise = Answer::Allow(),
          .exceptions = {{.tests = std::move(tests), .answer = Answer::Errno(EPERM)}}};
}

}  // namespace

FilterRules SetIdRules() {
  FilterRules rules{.architecture = kArchitecture, .unnamed = Answer::Allow(), .calls = {}};
  rules.calls[SYS_fchmod] = EpermWhen({HasBits(1, kSetId)});
  rules.calls[SYS_fchmodat] = EpermWhen({HasBits(2, kSetId)});
  rules.calls[kFchmodat2] = EpermWhen({HasBits(2, kSetId)});
  rules.calls[SYS_mknodat] = EpermWhen({HasBits(2, kSetId)});
  rules.calls[SYS_openat] = EpermWhen({HasBits(2, kMakesAFile), HasBits(3, kSetId)});
  rules.calls[SYS_openat2] = {.otherwise = Answer::Errno(ENOSYS), .exceptions = {}};
#if defined(__x86_64__)
  rules.calls[SYS_chmod] = EpermWhen({HasBits(1, kSetId)});
  rules.calls[SYS_creat] = EpermWhen({HasBits(1, kSetId)});
  rules.calls[SYS_mknod] = EpermWhen({HasBits(1, kSetId)});
  rules.calls[SYS_open] = EpermWhen({HasBits(1, kMakesAFile), HasBits(2, kSetId)});
#endif
  return rules;
}

Result<std::vector<sock_filter>> SetIdFilter() { return CompileFilter(SetIdRules()); }

}  // namespace ambit::plan
