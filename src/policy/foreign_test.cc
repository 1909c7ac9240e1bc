#include "policy/foreign.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "policy/net_decision.h"

namespace ambit::policy {
namespace {

AddressBytes Address(const std::string& text) {
  AddressBytes address{};
  if (text.contains(':')) {
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), address.data()), 1) << text;
  } else {
    address[10] = address[11] = 0xFF;
    EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), address.data() + 12), 1) << text;
  }
  return address;
}

Reach Of(const std::string& text) { return ReachOf(Address(text)); }

/// Whether the rule means the address, where the machine has `own`.
bool RuleMeans(std::string_view rule, const std::string& address,
               const std::vector<std::string>& own = {}) {
  OwnAddresses machine;
  for (const std::string& one : own) machine.insert(Address(one));
  return Means(*ReadTarget(rule, {})->range, Address(address), machine);
}

TEST(Reach, IsKnownOfEachRange) {
  const std::vector<std::pair<Reach, std::vector<std::string>>> known = {
      {Reach::kPublic,
       {"8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
        "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00::1",
        "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"}},
      {Reach::kPrivate, {"10.0.0.1",          "172.16.0.1",
                         "172.31.255.255",    "192.168.1.1",
                         "169.254.1.1",       "100.64.0.1",
                         "100.127.255.255",   "fc00::1",
                         "fdff::1",           "fe80::1",
                         "fec0::1",           "::ffff:10.0.0.1",
                         "64:ff9b::10.0.0.1", "64:ff9b:1::8.8.8.8",
                         "2002:a00:1::1",     "::192.168.0.1",
                         "192.0.2.1",         "198.18.0.1",
                         "198.19.255.1",      "198.51.100.1",
                         "203.0.113.1",       "2001:db8::1",
                         "2001:2::1",         "3fff::1"}},
      {Reach::kLoopback,
       {"127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1",
        "2002:7f00:1::", "::127.0.0.1", "2001::80ff:fffe"}},
      {Reach::kMetadata,
       {"169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::", "fd00:ec2::23", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fe80::a9fe:a9fe",
        "169.254.0.23", "169.254.42.42", "::ffff:0:169.254.169.254"}},
      {Reach::kNobody,
       {"0.0.0.0", "0.1.2.3", "192.0.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "ff02::1", "100::1", "5f00::1"}}};
  for (const auto& [reach, addresses] : known) {
    for (const std::string& address : addresses) EXPECT_EQ(Of(address), reach) << address;
  }
}

TEST(Reach, OfTheMachinesOwnAddressesIsTheMachine) {
  const OwnAddresses own = {Address("192.168.7.2"), Address("8.8.4.4"), Address("2a00::7")};
  for (const char* text : {"192.168.7.2", "8.8.4.4", "2a00::7", "64:ff9b::8.8.4.4"}) {
    EXPECT_EQ(ReachOf(Address(text), own), Reach::kOwn) << text;
  }
  EXPECT_EQ(ReachOf(Address("192.168.7.3"), own), Reach::kPrivate);
  EXPECT_EQ(ReachOf(Address("8.8.4.5"), own), Reach::kPublic);
  EXPECT_EQ(ReachOf(Address("127.0.0.1"), {Address("127.0.0.1")}), Reach::kLoopback);
  EXPECT_EQ(ReachOf(Address("169.254.169.254"), {Address("169.254.169.254")}), Reach::kMetadata);
}

TEST(RangeRule, MeansWhatIsNotPublicOnlyWhenAllOfItIsThatBlock) {
  EXPECT_TRUE(RuleMeans("0.0.0.0/0", "8.8.8.8"));
  EXPECT_TRUE(RuleMeans("10.0.0.0/8", "10.9.8.7"));
  EXPECT_TRUE(RuleMeans("10.9.0.0/16", "10.9.8.7"));
  EXPECT_TRUE(RuleMeans("192.168.1.5", "192.168.1.5"));
  EXPECT_TRUE(RuleMeans("[fd00::/8]", "fd00::5"));
  EXPECT_TRUE(RuleMeans("[64:ff9b::a00:1]", "64:ff9b::10.0.0.1"));
  for (const char* address : {"10.9.8.7", "192.168.1.5", "100.64.0.1", "169.254.1.1", "127.0.0.1",
                              "169.254.169.254", "0.0.0.0", "224.0.0.1"}) {
    EXPECT_FALSE(RuleMeans("0.0.0.0/0", address)) << address;
  }
  EXPECT_FALSE(RuleMeans("8.0.0.0/5", "10.9.8.7"));
  EXPECT_FALSE(RuleMeans("[::/0]", "fd00::5"));
  EXPECT_FALSE(RuleMeans("[64:ff9b::/96]", "64:ff9b::10.0.0.1"));
}

TEST(RangeRule, MeansNeitherLoopbackNorMetadataAndThisMachineByItsAddressAlone) {
  EXPECT_FALSE(RuleMeans("127.0.0.1", "127.0.0.1"));
  EXPECT_FALSE(RuleMeans("[64:ff9b::7f00:1]", "64:ff9b::127.0.0.1"));
  EXPECT_FALSE(RuleMeans("169.254.169.254", "169.254.169.254"));
  EXPECT_FALSE(RuleMeans("169.254.0.0/16", "169.254.169.254"));
  EXPECT_TRUE(RuleMeans("10.0.0.0/8", "10.0.0.5"));
  EXPECT_FALSE(RuleMeans("10.0.0.0/8", "10.0.0.5", {"10.0.0.5"}));
  EXPECT_TRUE(RuleMeans("10.0.0.5", "10.0.0.5", {"10.0.0.5"}));
  EXPECT_FALSE(RuleMeans("0.0.0.0/0", "8.8.4.4", {"8.8.4.4"}));
}

TEST(IsDenied, HoldsForAnAddressInWhateverFormItIs) {
  NetRules rules;
  rules.allow.push_back(*ParseNetRule("93.184.216.34", "--allow"));
  rules.deny.push_back(*ParseNetRule("93.184.216.0/24:443", "--deny"));
  for (const char* form : {"93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1"}) {
    EXPECT_TRUE(IsDenied(rules, Address(form), 443)) << form;
    EXPECT_FALSE(IsDenied(rules, Address(form), 80)) << form;
  }
  EXPECT_FALSE(IsDenied(rules, Address("93.184.217.34"), 443));
  EXPECT_FALSE(IsDenied(rules, Address("64:ff9b::5db8:d922"), 443));
}

}  // namespace
}  // namespace ambit::policy
