#include "event/refusal.h"

#include <errno.h>
#include <gmock/gmock.h>
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

TEST(Refusal, OfAHiddenServerNameIsNamedWhatDoesNotLookAtIt) {
  const std::vector<Field> fields = {{"host", std::string("example.com")},
                                     {"port", std::int64_t{443}},
                                     {"rule", std::string("the TLS server name is encrypted")}};
  EXPECT_THAT(RefusalOf(kDenial, fields)->way,
              ::testing::StartsWith("--allow tcp://example.com:443 in place of the rule"));
}

TEST(Refusal, OfAnAddressInARangeThatDoesNotMeanItNamesTheAddress) {
  const std::vector<Field> fields = {
      {"host", std::string("10.0.0.5")},
      {"port", std::int64_t{443}},
      {"rule", std::string("no rule names it by itself: 0.0.0.0/0 (--allow) does not mean an "
                           "address of a private network")}};
  EXPECT_EQ(RefusalOf(kDenial, fields)->way, "--allow 10.0.0.5");
}

TEST(Refusal, OfWhatNobodyAllowedWhenAskedNamesTheFlagThatNeedsNobody) {
  const auto way = [](const std::string& rule, std::int64_t port) {
    return RefusalOf(kDenial, std::vector<Field>{{"what", std::string("connect")},
                                                 {"host", std::string("git.example")},
                                                 {"port", port},
                                                 {"rule", rule}})
        ->way;
  };
  for (const char* rule : {"no rule names it, and nobody answered", "a person said no",
                           "no rule names it, and it was given up before anybody answered"}) {
    EXPECT_EQ(way(rule, 443), "--allow git.example");
    EXPECT_EQ(way(rule, 22), "--allow git.example:22");
  }
  EXPECT_EQ(way("git.example (--deny)", 22), "");
}

TEST(Refusal, OfManyAtOnceIsTheSameThingManyTimes) {
  std::vector<Field> fields = {{"what", std::string("resolve")},
                               {"host", std::string("git.example")},
                               {"rule", std::string("no rule names it")}};
  const auto once = RefusalOf(kDenial, fields);
  fields.push_back({"count", std::int64_t{4}});
  const auto four = RefusalOf(kDenial, fields);
  EXPECT_EQ(once->times, 1U);
  EXPECT_EQ(four->times, 4U);
  EXPECT_EQ(four->rule, "no rule names it");
  EXPECT_EQ(KeyOf(*once), KeyOf(*four));
  EXPECT_EQ(four->host, "git.example");
  EXPECT_EQ(WithTimes(four->what, four->times), "resolve git.example (4 times)");
  EXPECT_EQ(WithTimes(once->what, once->times), "resolve git.example");
}

std::vector<Field> Connection(const std::string& state, int error, std::int64_t got = 0) {
  return {{"host", std::string("example.com")},
          {"port", std::int64_t{443}},
          {"state", state},
          {"errno", std::int64_t{error}},
          {"bytes_from_host", got}};
}

TEST(Failure, OfAConnectionSaysWhyItDidNotStand) {
  const auto failure = FailureOf(kEgressConnect, Connection("failed", ECONNREFUSED));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->what, "a connection to example.com port 443");
  EXPECT_EQ(failure->why, "nobody serves it there (Connection refused)");
  EXPECT_EQ(FailureOf(kEgressConnect, Connection("failed", ETIMEDOUT))->why,
            "nobody answered (Connection timed out)");
  EXPECT_EQ(FailureOf(kEgressConnect, Connection("failed", ECANCELED))->why,
            "the program gave up before anybody answered");
  std::vector<Field> by_proxy = Connection("failed", 0);
  by_proxy.push_back({"proxy_status", std::int64_t{403}});
  EXPECT_EQ(FailureOf(kEgressConnect, by_proxy)->why, "the host's proxy answered 403");
  by_proxy.back().value = std::int64_t{0};
  EXPECT_THAT(FailureOf(kEgressConnect, by_proxy)->why,
              ::testing::StartsWith("the host's proxy gave no tunnel ("));
  const std::vector<Field> port = {{"host_port", std::int64_t{5432}},
                                   {"state", std::string("failed")},
                                   {"errno", std::int64_t{ECONNREFUSED}}};
  EXPECT_EQ(FailureOf(kEgressConnect, port)->what, "a connection to the host's port 5432");
}

TEST(Failure, OfAConnectionThatStoodIsAResetBeforeAnAnswer) {
  EXPECT_EQ(FailureOf(kEgressConnect, Connection("closed", ECONNRESET))->why,
            "it was reset before an answer came (Connection reset by peer)");
  EXPECT_FALSE(FailureOf(kEgressConnect, Connection("closed", ECONNRESET, 5)));
  EXPECT_FALSE(FailureOf(kEgressConnect, Connection("closed", 0)));
  EXPECT_FALSE(FailureOf(kEgressConnect, Connection("closed", EPROTO))) << "a denial says more";
  EXPECT_FALSE(FailureOf(kEgressConnect, Connection("opened", 0)));
}

TEST(Failure, OfAPublishedConnectionIsThatItReachedNobodyInside) {
  const auto of = [](const std::string& state) {
    return FailureOf(kPublishConnect, std::vector<Field>{{"host_port", std::int64_t{8080}},
                                                         {"port", std::int64_t{80}},
                                                         {"state", state},
                                                         {"errno", std::int64_t{ECONNREFUSED}}});
  };
  ASSERT_TRUE(of("failed"));
  EXPECT_EQ(of("failed")->what, "a connection from the host's port 8080 to port 80 inside");
  EXPECT_EQ(of("failed")->why, "nobody serves it there (Connection refused)");
  EXPECT_FALSE(of("closed"));
}

TEST(Failure, OfANameIsThatItLeadsNowhere) {
  const auto of = [](const std::string& rule) {
    return FailureOf(kDenial, std::vector<Field>{{"what", std::string("connect")},
                                                 {"host", std::string("example.com")},
                                                 {"port", std::int64_t{443}},
                                                 {"rule", rule}});
  };
  ASSERT_TRUE(of("there is no such name"));
  EXPECT_EQ(of("there is no such name")->what, "a connection to example.com port 443");
  EXPECT_EQ(of("no name server answered")->why, "no name server answered");
  EXPECT_FALSE(of("no rule names it"));
  EXPECT_FALSE(of("it leads to this machine itself"));
}

TEST(Refusal, OfALimitNamesItsFlag) {
  const std::vector<Field> fields = {{"limit", std::string("cpu_time")},
                                     {"value", std::int64_t{60'000}},
                                     {"used", std::int64_t{61'250}},
                                     {"from", std::string("default")}};
  const auto refusal = RefusalOf(kLimitReached, fields);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->rule, "its limit was reached (61.2 s of 60.0 s), set by default");
  EXPECT_EQ(refusal->way, "--cpu-time DURATION");
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
  EXPECT_EQ(of("memory", 64 << 20, 1).way, "--memory SIZE");
  EXPECT_EQ(of("net_out", 64 << 20, 1).way, "--net-out SIZE");
  EXPECT_EQ(of("processes", 30, 170).rule, "170 forks refused at the limit of 30, set by default");
  EXPECT_EQ(of("processes", 30, 170).way, "--processes NUMBER");
  EXPECT_TRUE(IsRefused(kLimitHeld));
}

TEST(Refusal, OfALimitThatIsABoundNamesWhatMakesItNone) {
  const auto way = [](std::string_view event, const std::string& from) {
    const std::vector<Field> fields = {{"limit", std::string("memory")}, {"from", from}};
    return RefusalOf(event, fields)->way;
  };
  for (const std::string_view event : {kLimitReached, kLimitWarning, kLimitHeld}) {
    EXPECT_EQ(way(event, "ambit.toml:3:9: limits.memory"), "--memory SIZE");
    EXPECT_EQ(way(event, "ambit.toml:3:9: limits.memory (not trusted)"),
              "--memory SIZE, once 'ambit trust' has trusted the project's file");
    EXPECT_EQ(way(event, "/etc/ambit/policy.toml:3:9: limits.memory (managed)"), "");
  }
}

}  // namespace
}  // namespace ambit::event
