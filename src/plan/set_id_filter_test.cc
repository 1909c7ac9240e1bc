#include "plan/set_id_filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "plan/bpf_evaluator_for_test.h"

namespace ambit::plan {
namespace {

std::uint32_t Answered(long number, std::array<std::uint64_t, 6> args) {
  const auto program = SetIdFilter();
  EXPECT_TRUE(program);
  const auto answer = EvaluateBpfForTest(*program, CallForTest(number, args));
  EXPECT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(*answer, Decide(SetIdRules(), CallForTest(number, args)).ret);
  return *answer;
}

constexpr std::uint32_t kAllowed = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;

TEST(SetIdFilter, RefusesTheBitsWhereverACallCanSetThem) {
  for (const std::uint64_t bits : {04755U, 02755U, 06000U}) {
    EXPECT_EQ(Answered(SYS_fchmod, {0, bits}), kRefused);
    EXPECT_EQ(Answered(SYS_fchmodat, {0, 0, bits}), kRefused);
    EXPECT_EQ(Answered(452, {0, 0, bits, 0}), kRefused);
    EXPECT_EQ(Answered(SYS_mknodat, {0, 0, S_IFREG | bits}), kRefused);
    EXPECT_EQ(Answered(SYS_openat, {0, 0, O_CREAT | O_WRONLY, bits}), kRefused);
    EXPECT_EQ(Answered(SYS_openat, {0, 0, O_TMPFILE | O_WRONLY, bits}), kRefused);
#if defined(__x86_64__)
    EXPECT_EQ(Answered(SYS_chmod, {0, bits}), kRefused);
    EXPECT_EQ(Answered(SYS_creat, {0, bits}), kRefused);
    EXPECT_EQ(Answered(SYS_mknod, {0, bits}), kRefused);
    EXPECT_EQ(Answered(SYS_open, {0, O_CREAT, bits}), kRefused);
#endif
  }
  EXPECT_EQ(Answered(SYS_openat2, {}), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(SetIdFilter, LeavesEverythingElseToTheOtherFilter) {
  EXPECT_EQ(Answered(SYS_fchmod, {0, 01777}), kAllowed);
  EXPECT_EQ(Answered(SYS_fchmodat, {0, 0, 0755}), kAllowed);
  EXPECT_EQ(Answered(SYS_openat, {0, 0, O_CREAT, 0644}), kAllowed);
  // Without O_CREAT the fourth argument is whatever was in the register.
  EXPECT_EQ(Answered(SYS_openat, {0, 0, O_RDONLY | O_DIRECTORY, 06777}), kAllowed);
  EXPECT_EQ(Answered(SYS_getpid, {06777, 06777, 06777, 06777}), kAllowed);
}

}  // namespace
}  // namespace ambit::plan
