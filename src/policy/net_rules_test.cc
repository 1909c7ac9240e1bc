#include "policy/net_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::policy {
namespace {

std::string Canonical(std::string_view text) {
  const auto rule = ParseNetRule(text, "--allow");
  return rule ? TextOf(*rule) : "refused";
}

TEST(NetRule, IsReadIntoOneForm) {
  for (const char* text :
       {"example.com", "*.example.com", "example.com:22", "tcp://db.example:5432", "192.0.2.7:5432",
        "10.0.0.0/8:22", "[2001:db8::1]:443", "[::/0]", "0.0.0.0/0", "tcp://*.example.com:9000",
        "*.internal.corp"}) {
    EXPECT_EQ(Canonical(text), text);
  }
  EXPECT_EQ(Canonical("EXAMPLE.com."), "example.com");
  EXPECT_EQ(Canonical("B\xc3\xbc"
                      "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(Canonical("*.b\xc3\xbc"
                      "cher.example:8443"),
            "*.xn--bcher-kva.example:8443");
  EXPECT_EQ(Canonical("stra\xc3\x9f"
                      "e.example"),
            "xn--strae-oqa.example");
}

TEST(NetRule, ThatIsNotPlainIsRefused) {
  for (const char* text : {"",
                           "*",
                           "*.",
                           "*.com",
                           "*.co.uk",
                           "*.github.io",
                           "a*.example.com",
                           "x.*.com",
                           "https://a.b",
                           "a.b/path",
                           "a.b:",
                           "a.b:0",
                           "a.b:65536",
                           "a.b:http",
                           "a.b:1:2",
                           "tcp://a.b",
                           "udp://a.b:1",
                           "1.2.3",
                           "1.2.3.4/33",
                           "10.0.0.1/8",
                           "[::1",
                           "::1",
                           "[1.2.3.4]",
                           "[::1]:x",
                           "user@a.b",
                           "a.b,c.d",
                           " a.b",
                           "a_b.c",
                           "0x7f.1",
                           "\xff.com",
                           "a.b:+1",
                           "[::/129]"}) {
    EXPECT_EQ(Canonical(text), "refused") << text;
  }
  EXPECT_EQ(Canonical(std::string_view("b\xc3\xbc\0.example", 11)), "refused");
}

TEST(NetRule, ThatIsASlipSaysWhatToWrite) {
  const auto told = [](const char* text) {
    const auto rule = ParseNetRule(text, "--allow");
    return rule ? "taken" : rule.error().what + "; " + rule.error().remedy;
  };
  EXPECT_EQ(told("foo.org/bar"), "'foo.org/bar': a name has no path; write foo.org");
  EXPECT_EQ(told("https://foo.org:8443/x?y"),
            "'https://foo.org:8443/x?y': a URL, not a name; write foo.org:8443");
  EXPECT_THAT(told("https://me:pw@foo.org"), ::testing::EndsWith("write foo.org"));
  EXPECT_EQ(told("1.2.3.4/foo"),
            "'1.2.3.4/foo': what is behind '/' is no length of a prefix; write 1.2.3.4, or a range "
            "as 192.0.2.0/24");
  EXPECT_EQ(told("10.0.0.1/8"), "'10.0.0.1/8': has bits behind its prefix; write 10.0.0.0/8");
  EXPECT_EQ(told("*"),
            "'*': no rule stands for everything; name the hosts, or *.example.com for all names "
            "below one");
  for (const char* list : {"a.org,b.org", "a.org:80,b.org", "a.org b.org"}) {
    EXPECT_THAT(told(list), ::testing::HasSubstr("more than one name; one name each")) << list;
  }
  EXPECT_EQ(told("me@foo.org"), "'me@foo.org': a name has no user; write foo.org");
  EXPECT_EQ(told("com"),
            "'com': a public suffix, below which anybody has names; name the host that is meant; "
            "com. is the one that is called so itself");
  EXPECT_THAT(told("co.uk:443"), ::testing::HasSubstr("a public suffix"));
  for (const char* here : {"localhost", "localhost:5432", "db.localhost", "127.0.0.1:5432",
                           "127.8.0.0/16", "[::1]:80"}) {
    EXPECT_THAT(told(here), ::testing::HasSubstr("a loopback of its own; --host-port N")) << here;
  }
  EXPECT_EQ(told("2001:db8::1"),
            "'2001:db8::1': an address of IPv6 stands in brackets; write [2001:db8::1], or "
            "[2001:db8::1]:PORT");
  EXPECT_THAT(told("2001:db8::1:443"), ::testing::HasSubstr("write [2001:db8::1:443]"));
  EXPECT_THAT(told("tcp://2001:db8::/32"), ::testing::HasSubstr("write [2001:db8::/32]"));
  EXPECT_EQ(told(""), "'': names no host; write example.com");
  EXPECT_EQ(told(" example.org"), "' example.org': white space around it; write example.org");
  EXPECT_THAT(told("10.0.0.1:80\n"),
              ::testing::HasSubstr("white space around it; write 10.0.0.1:"));
  EXPECT_EQ(told("udp://example.com:53"),
            "'udp://example.com:53': UDP is not carried; names are answered inside without a rule; "
            "for TCP write example.com:53");
  for (const char* loopback : {"::1", "::1/128", "tcp://::1"}) {
    EXPECT_THAT(told(loopback), ::testing::HasSubstr("a loopback of its own; --host-port N"))
        << loopback;
  }
}

TEST(NetRule, ThatNamesNoPortSaysWhatAPortIs) {
  const auto told = [](const std::string& port) {
    const auto rule = ParseNetRule("a.b:" + port, "--allow");
    return rule ? "taken" : rule.error().what;
  };
  EXPECT_EQ(told("65535"), "taken");
  EXPECT_EQ(told(""), "'a.b:': no port behind the colon");
  for (const char* out_of_range : {"0", "65536", "99999", "99999999999999999999"}) {
    EXPECT_THAT(told(out_of_range), ::testing::EndsWith(": ports are 1 to 65535")) << out_of_range;
  }
  EXPECT_EQ(told("80-90"), "'a.b:80-90': '80-90' is no port: ports are numbers, one each");
  EXPECT_EQ(told("http"), "'a.b:http': 'http' is no port: ports are numbers, one each");
}

TEST(NetRule, OfAnAddressThatNobodyIsReachedByCannotBeAllowed) {
  const auto why = [](const char* text) {
    const Status can = CanBeAllowed(*ParseNetRule(text, "--allow"));
    return can ? "may be" : can.error().what;
  };
  for (const char* metadata : {"169.254.169.254", "169.254.169.254:80", "[fd00:ec2::254]:80",
                               "tcp://100.100.100.200:80", "[64:ff9b::a9fe:a9fe]"}) {
    EXPECT_THAT(why(metadata), ::testing::EndsWith("metadata of a cloud machine, which no run "
                                                   "reaches"))
        << metadata;
  }
  EXPECT_EQ(why("0.0.0.0:80"), "'0.0.0.0:80': no address: who dials it means its own loopback");
  EXPECT_THAT(why("[::]"), ::testing::HasSubstr("no address"));
  for (const char* other : {"169.254.169.253", "169.254.0.0/16", "0.0.0.0/0", "[::/0]",
                            "192.0.2.7:5432", "example.com"}) {
    EXPECT_EQ(why(other), "may be") << other;
  }
}

TEST(NetRule, OfAllAddressesIsKnown) {
  const auto all = [](const char* text) { return IsOfAllAddresses(*ParseNetRule(text, {})); };
  EXPECT_TRUE(all("0.0.0.0/0"));
  EXPECT_TRUE(all("tcp://0.0.0.0/0:22"));
  EXPECT_TRUE(all("[::/0]:443"));
  EXPECT_FALSE(all("0.0.0.0/1"));
  EXPECT_FALSE(all("[2000::/3]"));
  EXPECT_FALSE(all("*.example.com"));
}

/// In a hosts file they may be somebody's.
TEST(NetRule, OfASuffixIsTheHostOfThatNameWhenItEndsInADot) {
  EXPECT_EQ(Canonical("com."), "com.");
  EXPECT_EQ(Canonical("com.:8080"), "com.:8080");
  for (const char* plain : {"db", "build-host", "github.io", "example.com"}) {
    EXPECT_EQ(Canonical(plain), plain);
  }
}

}  // namespace
}  // namespace ambit::policy
