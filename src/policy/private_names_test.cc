#include "policy/private_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Canonical(std::string_view text) {
  const auto name = ParsePrivateName(text, "--private");
  return name ? TextOf(*name) : "refused";
}

NetRules Private(const std::vector<std::string>& names,
                 const std::vector<std::string>& allow = {}) {
  NetRules rules;
  for (const auto& text : allow) rules.allow.push_back(*ParseNetRule(text, "--allow"));
  for (const auto& text : names)
    rules.private_names.push_back(*ParsePrivateName(text, "--private"));
  return rules;
}

HostName Name(std::string_view text) { return *HostName::Parse(text); }

TEST(PrivateName, IsReadIntoOneForm) {
  for (const char* text : {"db.corp.example", "*.corp.example", "app.example=127.0.0.1",
                           "app.example=10.0.0.5", "app.example=fd00::5", "app.example=::1",
                           "*.dev.example=127.0.0.1", "app.example=8.8.8.8"}) {
    EXPECT_EQ(Canonical(text), text);
  }
  EXPECT_EQ(Canonical("com."), "com.");
  EXPECT_EQ(Canonical("DB.Corp.example."), "db.corp.example");
  EXPECT_EQ(Canonical("app.example=[fd00::5]"), "app.example=fd00::5");
  EXPECT_EQ(Canonical("app.example=198.18.0.7"), "app.example=198.18.0.7");
}

TEST(PrivateName, ThatIsNotPlainIsRefused) {
  for (const char* text :
       {"", "=", "=127.0.0.1", "app.example=", "app.example=host", "app.example:80",
        "tcp://app.example:80", "10.0.0.5", "*.com", "app.example=10.0.0.0/8",
        "app.example=127.0.0.1=127.0.0.1", "app.example=0177.0.0.1"}) {
    EXPECT_EQ(Canonical(text), "refused") << text;
  }
}

TEST(PrivateName, NeverLeadsToMetadataOrToWhatNobodyHas) {
  for (const char* address :
       {"169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_EQ(Canonical(std::string("app.example=") + address), "refused") << address;
  }
}

TEST(PrivateName, IsCoveredByWhatOpensAsMuch) {
  const auto covers = [](std::string_view wider, std::string_view name) {
    return Covers(*ParsePrivateName(wider, {}), *ParsePrivateName(name, {}));
  };
  EXPECT_TRUE(covers("a.example", "a.example"));
  EXPECT_TRUE(covers("*.example.org", "a.example.org"));
  EXPECT_TRUE(covers("*.example.org", "*.a.example.org"));
  EXPECT_TRUE(covers("a.example", "a.example=10.0.0.5"));
  EXPECT_TRUE(covers("a.example=127.0.0.1", "a.example=127.0.0.1"));
  EXPECT_FALSE(covers("a.example", "a.example=127.0.0.1"));
  EXPECT_FALSE(covers("a.example=10.0.0.5", "a.example"));
  EXPECT_FALSE(covers("a.example=10.0.0.5", "a.example=10.0.0.6"));
  EXPECT_FALSE(covers("a.example", "*.a.example"));
  EXPECT_FALSE(covers("*.a.example", "a.example"));
}

TEST(PrivateNames, AreFoundByTheNarrowest) {
  const NetRules rules = Private({"*.corp.example=10.0.0.1", "db.corp.example=10.0.0.2",
                                  "db.corp.example=fd00::2", "git.example", "*.git.example"});
  EXPECT_THAT(PrivacyOf(rules, Name("db.corp.example")).leads_to,
              ElementsAre(*AddressIn("10.0.0.2"), *AddressIn("fd00::2")));
  EXPECT_THAT(PrivacyOf(rules, Name("x.corp.example")).leads_to,
              ElementsAre(*AddressIn("10.0.0.1")));
  EXPECT_NE(PrivacyOf(rules, Name("git.example")).by, nullptr);
  EXPECT_THAT(PrivacyOf(rules, Name("git.example")).leads_to, IsEmpty());
  EXPECT_NE(PrivacyOf(rules, Name("a.git.example")).by, nullptr);
  EXPECT_EQ(PrivacyOf(rules, Name("corp.example")).by, nullptr);
  EXPECT_EQ(PrivacyOf(rules, Name("other.example")).by, nullptr);
}

TEST(PrivateNames, AreAllowedByRulesAlone) {
  const auto allowed = [](const std::string& name, const std::vector<std::string>& allow) {
    const NetRules rules = Private({name}, allow);
    return IsAllowedAtAll(rules, rules.private_names.front());
  };
  EXPECT_TRUE(allowed("db.corp.example", {"db.corp.example:5432"}));
  EXPECT_TRUE(allowed("db.corp.example", {"*.corp.example"}));
  EXPECT_TRUE(allowed("*.corp.example", {"db.corp.example"}));
  EXPECT_TRUE(allowed("*.corp.example", {"*.corp.example"}));
  EXPECT_FALSE(allowed("db.corp.example", {"corp.example"}));
  EXPECT_FALSE(allowed("db.corp.example", {"10.0.0.0/8", "other.example"}));
  EXPECT_FALSE(allowed("*.corp.example", {"corp.example"}));
}

}  // namespace
}  // namespace ambit::policy
