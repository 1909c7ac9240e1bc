#include "supervise/approvals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "egress/holds.h"
#include "policy/net_decision.h"

namespace ambit::supervise {
namespace {

using ::testing::HasSubstr;

policy::NetRule Rule(std::string_view text) { return *policy::ParseNetRule(text, "--allow"); }

/// Approvals of a run with these rules, and what they said to whom.
struct Asked {
  explicit Asked(policy::NetRules rules) : plan{.rules = std::move(rules)} {}

  void Held(std::uint32_t id, std::string_view name, std::uint16_t port) {
    egress::EgressReport report{.kind = egress::ReportKind::kHeld, .port = port, .connection = id};
    report.name = egress::TextOfName(name);
    report.family = 4;
    report.address = {93, 184, 216, 34};
    approvals.On(report);
  }

  plan::NetworkPlan plan;
  std::vector<std::string> events;
  std::vector<std::string> taken_back;  // rules
  std::vector<egress::Order> orders;
  Approvals approvals{{.plan = plan,
                       .emit =
                           [this](const event::Event& e) {
                             events.emplace_back(e.name);
                             if (e.fields.back().name != "takes_back_denial") return;
                             taken_back.push_back(std::get<std::string>(e.fields[1].value));
                           },
                       .order =
                           [this](const egress::Order& order) {
                             orders.push_back(order);
                             return Status();
                           }}};
};

TEST(Approvals, AnswerOnceGoesToEachQuestionThatIsMeant) {
  Asked asked({.ask = true});
  asked.Held(1, "a.example.com", 443);
  asked.Held(2, "b.example.com", 443);
  asked.Held(3, "example.org", 443);
  const auto answered =
      asked.approvals.Answer({.allow = true, .scope = Scope::kOnce, .target = "*.example.com"});
  ASSERT_TRUE(answered) << answered.error().what;
  EXPECT_EQ(*answered, 2U);
  ASSERT_EQ(asked.orders.size(), 2U);
  EXPECT_EQ(asked.orders[0].question, 1U);
  EXPECT_EQ(asked.orders[1].question, 2U);
  EXPECT_TRUE(asked.orders[1].allowed);
  EXPECT_TRUE(asked.approvals.rules().allow.empty());
  EXPECT_EQ(asked.events, std::vector<std::string>{"net.answered"});
}

/// As it is shown it is a rule, also where the name alone would be taken for a slip.
TEST(Approvals, WhatWaitsIsAnsweredAsItIsShown) {
  for (const char* name : {"com", "example.com", ""}) {  // "": an address
    Asked asked({.ask = true});
    asked.Held(1, name, 80);
    const std::string shown = asked.approvals.Waiting().at(0).target;
    const auto answered =
        asked.approvals.Answer({.allow = true, .scope = Scope::kOnce, .target = shown});
    ASSERT_TRUE(answered) << shown << answered.error().what;
    EXPECT_EQ(*answered, 1U) << shown;
  }
  Asked asked({.ask = true});
  asked.Held(1, "com", 80);
  EXPECT_EQ(asked.approvals.Waiting().at(0).target, "com.:80");
}

TEST(Approvals, AnswerForTheRunIsARuleFromNowOn) {
  Asked asked({.ask = true});
  asked.Held(1, "example.com", 443);
  ASSERT_TRUE(
      asked.approvals.Answer({.allow = true, .scope = Scope::kRun, .target = "EXAMPLE.com"}));
  ASSERT_EQ(asked.orders.size(), 1U);
  EXPECT_EQ(asked.orders[0].kind, egress::OrderKind::kAllow);
  EXPECT_EQ(asked.orders[0].text, "example.com");
  EXPECT_TRUE(
      policy::Decide(asked.approvals.rules(), *HostName::Parse("example.com"), 443).allowed);
}

TEST(Approvals, WhatNobodyAskedHasNoAnswerOnce) {
  Asked asked({.ask = true});
  const auto answered =
      asked.approvals.Answer({.allow = true, .scope = Scope::kOnce, .target = "example.com"});
  ASSERT_FALSE(answered);
  EXPECT_THAT(answered.error().what, HasSubstr("nothing waits"));
  EXPECT_TRUE(asked.orders.empty());
  EXPECT_TRUE(asked.events.empty());
}

TEST(Approvals, NothingIsGrantedThatIsDeniedOrBeyondTheManagedPolicy) {
  Asked asked({.deny = {Rule("*.evil.example")},
               .ask = true,
               .most = std::vector{Rule("*.example.com"), Rule("a.evil.example")}});
  const auto granted = [&](std::string_view target) {
    return asked.approvals.Answer({.allow = true, .scope = Scope::kRun, .target = target})
        .has_value();
  };
  EXPECT_TRUE(granted("a.example.com"));
  EXPECT_FALSE(granted("a.evil.example"));
  EXPECT_FALSE(granted("example.org"));
  EXPECT_FALSE(granted("a.example.com:22"));
  EXPECT_FALSE(granted("not a name"));
  EXPECT_EQ(asked.orders.size(), 1U);
}

TEST(Approvals, OfWhatAPersonDeniedInThisRunTakesThatBack) {
  Asked asked({.ask = true});
  const auto answer = [&](bool allow, std::string_view target, Scope scope = Scope::kRun) {
    return asked.approvals.Answer({.allow = allow, .scope = scope, .target = target});
  };
  ASSERT_TRUE(answer(false, "example.com"));
  asked.Held(1, "example.com", 80);
  for (const auto& [target, scope] :
       {std::pair("example.com:443", Scope::kRun), std::pair("example.com", Scope::kOnce)}) {
    const auto narrower = answer(true, target, scope);
    ASSERT_FALSE(narrower);
    EXPECT_EQ(narrower.error().code, Errc::kDenied);
    EXPECT_THAT(narrower.error().remedy, HasSubstr("'ambit approve example.com'"));
  }
  EXPECT_EQ(asked.orders.size(), 1U);
  ASSERT_TRUE(answer(true, "Example.com"));
  EXPECT_EQ(asked.taken_back, std::vector<std::string>{"example.com"});
  EXPECT_EQ(asked.orders.back().kind, egress::OrderKind::kAllow);
  EXPECT_TRUE(
      policy::Decide(asked.approvals.rules(), *HostName::Parse("example.com"), 443).allowed);
}

TEST(Approvals, OfWhatThePolicyDeniesTakeNothingBack) {
  Asked asked({.deny = {Rule("example.com")}, .ask = true});
  ASSERT_TRUE(
      asked.approvals.Answer({.allow = false, .scope = Scope::kRun, .target = "example.com"}));
  const auto refused =
      asked.approvals.Answer({.allow = true, .scope = Scope::kRun, .target = "example.com"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().remedy, "");
  EXPECT_TRUE(asked.taken_back.empty());
}

TEST(Approvals, WhatNobodyReachesIsNotGranted) {
  Asked asked({.ask = true});
  for (const Scope scope : {Scope::kOnce, Scope::kRun}) {
    const auto granted =
        asked.approvals.Answer({.allow = true, .scope = scope, .target = "169.254.169.254:80"});
    ASSERT_FALSE(granted);
    EXPECT_THAT(granted.error().what, HasSubstr("metadata of a cloud machine"));
  }
  EXPECT_TRUE(asked.approvals.Answer(
      {.allow = false, .scope = Scope::kRun, .target = "169.254.169.254:80"}));
}

TEST(Approvals, WhatEgressDoesNotHearOfDoesNotHold) {
  plan::NetworkPlan plan{.rules = {.ask = true}};
  Approvals approvals{{.plan = plan,
                       .emit = [](const event::Event&) {},
                       .order = [](const egress::Order&) -> Status {
                         return Fail(Errc::kLimit, "the socket is full");
                       }}};
  EXPECT_FALSE(approvals.Answer({.allow = true, .scope = Scope::kRun, .target = "example.com"}));
  EXPECT_TRUE(approvals.rules().allow.empty());
}

TEST(Approvals, ARunWithoutANetworkGetsNone) {
  Asked asked({});
  const auto answered =
      asked.approvals.Answer({.allow = true, .scope = Scope::kRun, .target = "example.com"});
  ASSERT_FALSE(answered);
  EXPECT_EQ(answered.error().code, Errc::kUnsupported);
}

TEST(Approvals, APortThatIsClosedInsideStaysClosed) {
  Asked asked({.allow = {Rule("a.example:443")}});
  const auto granted = [&](std::string_view target) {
    return asked.approvals.Answer({.allow = true, .scope = Scope::kRun, .target = target})
        .has_value();
  };
  EXPECT_TRUE(granted("b.example:443"));
  EXPECT_FALSE(granted("b.example"));  // port 80 as well
  EXPECT_FALSE(granted("b.example:22"));
}

TEST(Approvals, AQuestionThatIsGoneWaitsNoMore) {
  Asked asked({.ask = true});
  asked.Held(1, "example.com", 443);
  EXPECT_EQ(asked.approvals.Waiting().size(), 1U);
  asked.approvals.On({.kind = egress::ReportKind::kLetGo, .port = 443, .connection = 1});
  EXPECT_TRUE(asked.approvals.Waiting().empty());
}

TEST(Approvals, MoreThanAnHonestEgressAsksIsPassedOver) {
  Asked asked({.ask = true});
  for (std::uint32_t id = 1; id < 1000; ++id) asked.Held(id, "example.com", 443);
  EXPECT_EQ(asked.approvals.Waiting().size(), egress::Holds::kMostQuestions);
}

}  // namespace
}  // namespace ambit::supervise
