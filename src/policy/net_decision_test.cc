#include "policy/net_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::policy {
namespace {

using ::testing::ElementsAre;

NetRules Rules(const std::vector<std::string>& allow, const std::vector<std::string>& deny = {}) {
  NetRules rules;
  for (const auto& text : allow) rules.allow.push_back(*ParseNetRule(text, "--allow"));
  for (const auto& text : deny) rules.deny.push_back(*ParseNetRule(text, "--deny"));
  return rules;
}

HostName Name(std::string_view text) { return *HostName::Parse(text); }

AddressBytes V4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d};
}

TEST(NetRules, CoverAnother) {
  const auto covers = [](const char* wider, const char* rule) {
    return Covers(*ParseNetRule(wider, {}), *ParseNetRule(rule, {}));
  };
  EXPECT_TRUE(covers("a.example", "A.example"));
  EXPECT_TRUE(covers("*.example.com", "a.example.com"));
  EXPECT_TRUE(covers("*.example.com", "*.a.example.com"));
  EXPECT_TRUE(covers("*.example.com", "*.example.com"));
  EXPECT_TRUE(covers("a.example", "a.example:443"));
  EXPECT_TRUE(covers("tcp://a.example:22", "a.example:22"));
  EXPECT_TRUE(covers("10.0.0.0/8:22", "10.1.0.0/16:22"));
  EXPECT_FALSE(covers("*.example.com", "example.com"));
  EXPECT_FALSE(covers("example.com", "*.example.com"));
  EXPECT_FALSE(covers("a.example", "a.example:22"));
  EXPECT_FALSE(covers("a.example:443", "a.example"));
  EXPECT_FALSE(covers("a.example:22", "tcp://a.example:22"));
  EXPECT_FALSE(covers("10.0.0.0/8", "a.example"));
  EXPECT_FALSE(covers("10.1.0.0/16", "10.0.0.0/8"));
  EXPECT_FALSE(covers("10.0.0.0/8", "[2001:db8::1]"));
}

TEST(NetRules, AllowNamesByTheirPorts) {
  const NetRules rules = Rules({"example.com", "*.deep.example", "git.example:22"});
  EXPECT_TRUE(Decide(rules, Name("example.com"), 443).allowed);
  EXPECT_TRUE(Decide(rules, Name("example.com"), 80).allowed);
  EXPECT_FALSE(Decide(rules, Name("example.com"), 22).allowed);
  EXPECT_FALSE(Decide(rules, Name("www.example.com"), 443).allowed);
  EXPECT_FALSE(Decide(rules, Name("deep.example"), 443).allowed);
  EXPECT_TRUE(Decide(rules, Name("a.b.deep.example"), 443).allowed);
  EXPECT_FALSE(Decide(rules, Name("notdeep.example"), 443).allowed);
  EXPECT_TRUE(Decide(rules, Name("git.example"), 22).allowed);
  EXPECT_FALSE(Decide(rules, Name("git.example"), 443).allowed);
  EXPECT_THAT(PortsOf(rules), ElementsAre(22, 80, 443));
}

TEST(NetRules, OfASuffixAllowItAndNothingBelow) {
  EXPECT_TRUE(Decide(Rules({"com."}), Name("com"), 443).allowed);
  EXPECT_FALSE(Decide(Rules({"com."}), Name("example.com"), 443).allowed);
}

TEST(NetRules, DenyWins) {
  const NetRules rules = Rules({"*.example.com", "example.com", "a.example.com:22"},
                               {"gist.example.com", "a.example.com:22"});
  const NetDecision gist = Decide(rules, Name("gist.example.com"), 443);
  EXPECT_FALSE(gist.allowed);
  EXPECT_EQ(gist.rule, &rules.deny[0]);
  EXPECT_FALSE(Decide(rules, Name("a.example.com"), 22).allowed);
  EXPECT_TRUE(Decide(rules, Name("a.example.com"), 443).allowed);
  EXPECT_FALSE(DecideName(rules, Name("gist.example.com")).allowed);
  EXPECT_EQ(DecideName(rules, Name("gist.example.com")).rule, &rules.deny[0]);
  EXPECT_TRUE(DecideName(rules, Name("a.example.com")).allowed);
  EXPECT_EQ(DecideName(rules, Name("other.org")).rule, nullptr);
}

TEST(NetRules, WhatComparesGoesBeforeWhatDoesNot) {
  const NetRules rules = Rules({"tcp://a.example:443", "a.example"});
  EXPECT_FALSE(Decide(rules, Name("a.example"), 443).rule->raw);
}

TEST(NetRules, AllowAddressesByTheirRange) {
  const NetRules rules = Rules({"10.0.0.0/8:22", "192.0.2.7"}, {"10.9.0.0/16"});
  EXPECT_TRUE(Decide(rules, V4(10, 1, 2, 3), 22).allowed);
  EXPECT_FALSE(Decide(rules, V4(11, 1, 2, 3), 22).allowed);
  EXPECT_FALSE(Decide(rules, V4(10, 9, 2, 3), 22).allowed);
  EXPECT_TRUE(Decide(rules, V4(192, 0, 2, 7), 443).allowed);
  EXPECT_FALSE(Decide(rules, V4(192, 0, 2, 8), 443).allowed);
  EXPECT_TRUE(Decide(Rules({"0.0.0.0/0"}), V4(1, 2, 3, 4), 80).allowed);
  EXPECT_FALSE(Decide(Rules({"0.0.0.0/0"}), AddressBytes{0x26}, 80).allowed);
  EXPECT_TRUE(Decide(Rules({"[::/0]"}), AddressBytes{0x26}, 80).allowed);
  EXPECT_TRUE(Decide(Rules({"[::/0]"}), V4(1, 2, 3, 4), 80).allowed);
}

TEST(NetRules, OfAnAddressSayWhetherAnyPortIsAllowed) {
  const NetRules rules = Rules({"10.0.0.0/8:22", "0.0.0.0/0"}, {"10.9.0.0/16", "10.8.0.0/16:22"});
  EXPECT_EQ(DecideAddress(rules, V4(10, 1, 2, 3)).rule, &rules.allow[0]);
  EXPECT_EQ(DecideAddress(rules, V4(8, 8, 8, 8)).rule, &rules.allow[1]);
  EXPECT_EQ(DecideAddress(rules, V4(10, 9, 2, 3)).rule, &rules.deny[0]);
  EXPECT_EQ(DecideAddress(rules, V4(10, 8, 2, 3)).rule, &rules.deny[1]);
  EXPECT_EQ(DecideAddress(rules, V4(192, 168, 2, 3)).rule, nullptr) << "0.0.0.0/0 means none there";
}

}  // namespace
}  // namespace ambit::policy
