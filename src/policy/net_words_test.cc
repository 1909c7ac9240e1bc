#include "policy/net_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/merge.h"

namespace ambit::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

NetRules Rules(const std::vector<std::string>& allow, const std::vector<std::string>& deny) {
  NetRules rules;
  for (const auto& text : allow) rules.allow.push_back(*ParseNetRule(text, "--allow"));
  for (const auto& text : deny) rules.deny.push_back(*ParseNetRule(text, "--deny"));
  return rules;
}

std::vector<std::string> Texts(const std::vector<NetRule>& rules) {
  std::vector<std::string> texts;
  for (const NetRule& rule : rules) texts.push_back(TextOf(rule));
  return texts;
}

std::vector<std::string> LeftOf(const std::vector<std::string>& allow,
                                const std::vector<std::string>& deny) {
  return Texts(Reachable(Rules(allow, deny)));
}

std::vector<std::string> TakenFrom(const std::vector<std::string>& allow,
                                   const std::vector<std::string>& deny) {
  const NetRules rules = Rules(allow, deny);
  return Texts(DeniedWithin(rules, Reachable(rules)));
}

TEST(NetWords, WhatWasTypedComesBeforeFilesAndPresets) {
  const Option& option = *FindOption("net.allow");
  Setting said{.option = &option, .items = {}};
  NetRules rules;
  const auto say = [&](const char* text, SourceKind source, const char* name, unsigned line) {
    const Origin origin{.source = source, .name = name, .line = line, .column = line};
    said.items.push_back({.text = text, .value = {}, .origin = origin});
    rules.allow.push_back(*ParseNetRule(text, NameFor(option, origin)));
  };
  say("p.example", SourceKind::kPreset, "preset python", 3);
  say("q.example", SourceKind::kPreset, "registries", 0);
  say("u.example", SourceKind::kUser, "config.toml", 4);
  say("f.example", SourceKind::kProject, "ambit.toml", 4);
  say("typed.example", SourceKind::kFlags, "--allow", 0);
  say("again.example", SourceKind::kFlags, "--allow", 0);
  rules.deny = {*ParseNetRule("typed.example:80", "--deny")};
  EXPECT_THAT(Texts(StrongestFirst(Reachable(rules), &said)),
              ElementsAre("typed.example:443", "again.example", "f.example", "u.example",
                          "p.example", "q.example"));
  EXPECT_THAT(Texts(StrongestFirst(rules.allow, nullptr)),
              ElementsAre("p.example", "q.example", "u.example", "f.example", "typed.example",
                          "again.example"));
}

TEST(NetWords, WhatIsDeniedIsNotReachable) {
  EXPECT_THAT(LeftOf({"a.example", "b.example"}, {"a.example"}), ElementsAre("b.example"));
  EXPECT_THAT(LeftOf({"a.example"}, {"*.example.com"}), ElementsAre("a.example"));
  EXPECT_THAT(LeftOf({"a.example.com", "*.b.example.com:22"}, {"*.example.com"}), IsEmpty());
  EXPECT_THAT(LeftOf({"a.example"}, {"a.example:443"}), ElementsAre("a.example:80"));
  EXPECT_THAT(LeftOf({"a.example"}, {"a.example:443", "a.example:80"}), IsEmpty());
  EXPECT_THAT(LeftOf({"a.example:22"}, {"a.example:443"}), ElementsAre("a.example:22"));
  EXPECT_THAT(LeftOf({"tcp://a.example:22"}, {"a.example"}), IsEmpty());
  EXPECT_THAT(LeftOf({"10.9.0.0/16:22", "10.0.0.0/8"}, {"10.9.0.0/16"}), ElementsAre("10.0.0.0/8"));
}

TEST(NetWords, WhatIsDeniedOfWhatIsReachableIsNamed) {
  EXPECT_THAT(TakenFrom({"*.example.com"}, {"a.example.com", "b.example"}),
              ElementsAre("a.example.com"));
  EXPECT_THAT(TakenFrom({"*.example.com"}, {"*.a.example.com", "a.example.com:22"}),
              ElementsAre("*.a.example.com"));
  EXPECT_THAT(TakenFrom({"10.0.0.0/8"}, {"10.9.0.0/16:443", "11.0.0.0/8"}),
              ElementsAre("10.9.0.0/16:443"));
  EXPECT_THAT(TakenFrom({"10.9.0.0/16:22"}, {"10.0.0.0/8:443"}), IsEmpty());
  EXPECT_THAT(TakenFrom({"a.example", "b.example"}, {"a.example"}), IsEmpty());
}

TEST(NetWords, OfARangeThatDoesNotMeanTheAddressSaySo) {
  const NetRules rules = Rules({"0.0.0.0/0", "192.0.2.0/24:22"}, {});
  const auto why = [&](const char* address, std::optional<std::uint16_t> port) {
    return WhyUnnamed(rules, *AddressIn(address), port);
  };
  EXPECT_EQ(why("10.0.0.5", 443),
            "no rule names it by itself: 0.0.0.0/0 (--allow) does not mean an address of a private "
            "network");
  EXPECT_EQ(why("10.0.0.5", 22), "no rule names it");
  EXPECT_EQ(why("10.0.0.5", std::nullopt), why("10.0.0.5", 443));
  EXPECT_EQ(why("2001:db8::1", 443), "no rule names it");
  EXPECT_THAT(why("8.8.4.4", 443), ::testing::EndsWith("does not mean an address of this machine"))
      << "else it would mean it";
}

}  // namespace
}  // namespace ambit::policy
