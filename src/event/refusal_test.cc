#include "event/refusal.h"

#include <gtest/gtest.h>

namespace ambit::event {
namespace {

TEST(Refusal, OfAConnectionNamesTheFlagThatWouldAllowIt) {
  const std::vector<Field> fields = {{"what", std::string("connect")},
                                     {"port", std::int64_t{5432}},
                                     {"rule", std::string("no rule names it")}};
  const auto refusal = RefusalOf(kDenial, fields);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->what, "a connection to port 5432");
  EXPECT_EQ(refusal->rule, "no rule names it");
  EXPECT_EQ(refusal->way, "--host-port 5432");
}

TEST(Refusal, OfAnotherMachineNamesTheFlagThatAllowsIt) {
  const std::vector<Field> fields = {{"host", std::string("192.0.2.1")},
                                     {"port", std::int64_t{443}},
                                     {"rule", std::string("no rule names it")}};
  EXPECT_EQ(RefusalOf(kDenial, fields)->what, "a connection to 192.0.2.1 port 443");
  EXPECT_EQ(RefusalOf(kDenial, fields)->way, "--allow 192.0.2.1");
  const std::vector<Field> named = {{"host", std::string("git.example")},
                                    {"port", std::int64_t{22}},
                                    {"rule", std::string("no rule names it")}};
  EXPECT_EQ(RefusalOf(kDenial, named)->way, "--allow git.example:22");
  const std::vector<Field> asked = {{"what", std::string("resolve")},
                                    {"host", std::string("git.example")},
                                    {"rule", std::string("no rule names it")}};
  EXPECT_EQ(RefusalOf(kDenial, asked)->what, "resolve git.example");
  EXPECT_EQ(RefusalOf(kDenial, asked)->way, "--allow git.example");
}

TEST(Refusal, OfANameThatLeadsToAPrivateAddressNamesTheFlagThatLetsIt) {
  const auto way = [](const std::string& rule) {
    return RefusalOf(kDenial, std::vector<Field>{{"host", std::string("db.corp.example")},
                                                 {"port", std::int64_t{5432}},
                                                 {"address", std::string("127.0.0.1")},
                                                 {"rule", rule}})
        ->way;
  };
  EXPECT_EQ(way("it leads to an address of a private network"), "--private db.corp.example");
  EXPECT_EQ(way("it leads to an address of this machine"), "--private db.corp.example");
  EXPECT_EQ(way("it leads to this machine itself"), "--private db.corp.example=127.0.0.1");
  EXPECT_EQ(way("it leads to the metadata of a cloud machine"), "");
}

TEST(Refusal, ThatNoFlagWouldChangeNamesNone) {
  const std::vector<Field> fields = {{"port", std::int64_t{80}},
                                     {"rule", std::string("connection limit")}};
  EXPECT_EQ(RefusalOf(kDenial, fields)->way, "");
  EXPECT_EQ(RefusalOf(kDenial, {})->what, "something");
}

TEST(Refusal, OfALimitNamesItsFlag) {
  const std::vector<Field> fields = {{"limit", std::string("cpu_time")},
                                     {"value", std::int64_t{60'000}},
                                     {"used", std::int64_t{61'250}},
                                     {"from", std::string("default")}};
  const auto refusal = RefusalOf(kLimitReached, fields);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->rule, "its limit was reached (61.2 s of 60.0 s), set by default");
  EXPECT_EQ(refusal->way, "--cpu-time");
  EXPECT_TRUE(IsRefused(kLimitReached));
  EXPECT_FALSE(IsRefused(kLimitWarning));
  EXPECT_FALSE(RefusalOf(kRunEnded, fields));
}

TEST(Refusal, OfALimitThatTheKernelHeldCountsAndNamesItsFlag) {
  const auto of = [](const char* limit, std::int64_t value, std::int64_t count) {
    const std::vector<Field> fields = {{"limit", std::string(limit)},
                                       {"value", value},
                                       {"count", count},
                                       {"from", std::string("default")}};
    return *RefusalOf(kLimitHeld, fields);
  };
  EXPECT_EQ(of("memory", 64 << 20, 1).rule,
            "1 process killed at the limit of 64.0 MiB, set by default");
  EXPECT_EQ(of("memory", 64 << 20, 1).way, "--memory");
  EXPECT_EQ(of("processes", 30, 170).rule, "170 forks refused at the limit of 30, set by default");
  EXPECT_EQ(of("processes", 30, 170).way, "--processes");
  EXPECT_TRUE(IsRefused(kLimitHeld));
}

TEST(Refusal, OfALimitThatIsABoundNamesWhatMakesItNone) {
  const auto way = [](std::string_view event, const std::string& from) {
    const std::vector<Field> fields = {{"limit", std::string("memory")}, {"from", from}};
    return RefusalOf(event, fields)->way;
  };
  for (const std::string_view event : {kLimitReached, kLimitWarning, kLimitHeld}) {
    EXPECT_EQ(way(event, "ambit.toml:3:9: limits.memory"), "--memory");
    EXPECT_EQ(way(event, "ambit.toml:3:9: limits.memory (not trusted)"),
              "--memory, once 'ambit trust' has trusted the project's file");
    EXPECT_EQ(way(event, "/etc/ambit/policy.toml:3:9: limits.memory (managed)"), "");
  }
}

}  // namespace
}  // namespace ambit::event
