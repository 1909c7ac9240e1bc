#include "supervise/limit_outcome.h"

#include <gtest/gtest.h>

namespace ambit::supervise {
namespace {

Outcome Of(policy::Limit kind, std::uint64_t value, std::uint64_t used) {
  return LimitReached({.kind = kind, .value = value, .from = "--it"}, used);
}

TEST(LimitOutcome, EachEndHasItsCauseAndExitCode) {
  using policy::Limit;
  const auto is = [](Limit kind, std::string_view cause, int exit_code) {
    const Outcome outcome = Of(kind, 1, 1);
    EXPECT_EQ(NameOf(outcome.cause), cause);
    EXPECT_EQ(outcome.exit_code, exit_code);
  };
  is(Limit::kTime, "time-limit", 124);
  is(Limit::kIdle, "idle-limit", 141);
  is(Limit::kCpuTime, "cpu-time-limit", 141);
  is(Limit::kMemory, "memory-limit", 137);
  is(Limit::kDisk, "disk-limit", 141);
  is(Limit::kInodes, "disk-limit", 141);
}

TEST(LimitOutcome, ItsWordsNameValueSourceAndWayOut) {
  const Outcome outcome = Of(policy::Limit::kMemory, 256U << 20, 384U << 20);
  EXPECT_EQ(outcome.detail,
            "the run was ended at its limit of 256 MiB memory (--it): it had 384 MiB");
  EXPECT_EQ(outcome.remedy, "--memory gives it another one; its work is kept");
  EXPECT_EQ(Of(policy::Limit::kTime, 90'000, 90'001).detail,
            "the run was ended at its limit of 90 s time (--it)");
}

TEST(LimitOutcome, OfABoundNamesWhatMakesItNone) {
  const auto remedy = [](const char* from) {
    return LimitReached({.kind = policy::Limit::kTime, .value = 1000, .from = from}, 1000).remedy;
  };
  EXPECT_EQ(remedy("ambit.toml:2:8: limits.time"), "--time gives it another one; its work is kept");
  EXPECT_EQ(
      remedy("ambit.toml:2:8: limits.time (not trusted)"),
      "once the file is trusted (ambit trust), --time gives it another one; its work is kept");
  EXPECT_EQ(remedy("/etc/ambit/policy.toml:2:8: limits.time (managed)"),
            "nothing gets over the managed policy; its work is kept");
}

}  // namespace
}  // namespace ambit::supervise
