#include "egress/run_rules.h"

#include <gtest/gtest.h>

#include <string_view>

#include "policy/net_decision.h"

namespace ambit::egress {
namespace {

policy::NetRule Rule(std::string_view text, const char* from = "--deny") {
  return *policy::ParseNetRule(text, from);
}

bool Reaches(const RunRules& rules, std::string_view name, std::uint16_t port = 443) {
  return policy::Decide(rules.rules(), *HostName::Parse(name), port).allowed;
}

TEST(RunRules, WhatIsAllowedAfterItWasDeniedIsAllowed) {
  RunRules rules({.ask = true});
  rules.Deny(Rule("example.com", "ambit deny"));
  EXPECT_FALSE(Reaches(rules, "example.com"));
  EXPECT_TRUE(rules.Allow(Rule("example.com", "ambit approve")));
  EXPECT_TRUE(Reaches(rules, "example.com"));
  rules.Deny(Rule("example.com", "ambit deny"));
  EXPECT_FALSE(Reaches(rules, "example.com")) << "and the other way round";
  EXPECT_TRUE(rules.Allow(Rule("example.com", "ambit approve")));
  EXPECT_TRUE(Reaches(rules, "example.com"));
  EXPECT_EQ(rules.rules().allow.size(), 1U) << "however often minds are changed";
  EXPECT_TRUE(rules.rules().deny.empty());
}

TEST(RunRules, WhatThePolicyDeniesStaysDenied) {
  RunRules rules({.deny = {Rule("example.com")}});
  rules.Deny(Rule("example.com", "ambit deny"));
  EXPECT_FALSE(rules.Allow(Rule("example.com", "ambit approve")));
  EXPECT_FALSE(Reaches(rules, "example.com"));
  EXPECT_EQ(rules.rules().deny.size(), 1U);
}

TEST(RunRules, AnotherRuleTakesNothingBack) {
  RunRules rules({.ask = true});
  rules.Deny(Rule("*.example.com", "ambit deny"));
  rules.Deny(Rule("example.org:443", "ambit deny"));
  for (const char* other : {"a.example.com", "example.com", "*.a.example.com", "example.org"}) {
    EXPECT_FALSE(rules.Allow(Rule(other, "ambit approve"))) << other;
  }
  EXPECT_FALSE(Reaches(rules, "a.example.com"));
  EXPECT_FALSE(Reaches(rules, "example.org"));
  EXPECT_TRUE(Reaches(rules, "example.org", 80));
}

TEST(RunRules, KnowWhichDenialOfTheRunIsInTheWay) {
  RunRules rules({.deny = {Rule("*.evil.example")}});
  rules.Deny(Rule("*.example.com", "ambit deny"));
  rules.Deny(Rule("a.evil.example", "ambit deny"));
  EXPECT_EQ(rules.OwnDenialOf(Rule("a.example.com:22")), "*.example.com");
  EXPECT_EQ(rules.OwnDenialOf(Rule("example.com")), "");
  EXPECT_EQ(rules.OwnDenialOf(Rule("a.evil.example")), "") << "the policy is in the way as well";
}

}  // namespace
}  // namespace ambit::egress
