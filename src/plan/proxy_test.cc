#include "plan/proxy.h"

#include <gtest/gtest.h>

#include <string>

namespace ambit::plan {
namespace {

std::string Proxy(const std::map<std::string, std::string>& environment) {
  const auto proxy = ProxyOf(environment);
  if (!proxy) return "refused: " + proxy.error().what;
  return *proxy ? TextOf(**proxy) : "none";
}

bool Through(const std::string& no_proxy, const std::string& target, std::uint16_t port = 443) {
  const auto proxy = ProxyOf({{"HTTPS_PROXY", "http://p.example:3128"}, {"NO_PROXY", no_proxy}});
  EXPECT_TRUE(proxy) << proxy.error().what;
  if (!proxy || !*proxy) return false;
  if (const auto address = policy::AddressIn(target)) {
    return GoesByProxy(**proxy, nullptr, *address, port);
  }
  const auto name = HostName::Parse(target);
  return GoesByProxy(**proxy, &*name, {}, port);
}

TEST(HttpProxy, IsTheOneThatTheEnvironmentNames) {
  EXPECT_EQ(Proxy({}), "none");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", ""}}), "none");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", "http://p.example:3128"}}), "p.example:3128");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", "http://P.example:3128/"}}), "p.example:3128");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", "p.example:3128"}}), "p.example:3128");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", "http://10.0.0.1:80"}}), "10.0.0.1:80");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", "http://[fd00::1]:80"}}), "[fd00::1]:80");
  EXPECT_EQ(Proxy({{"HTTPS_PROXY", "http://a:1"}, {"https_proxy", "http://b:2"}}), "b:2");
  EXPECT_EQ(Proxy({{"HTTP_PROXY", "http://a:1"}, {"ALL_PROXY", "http://b:2"}}), "b:2");
  EXPECT_EQ(Proxy({{"http_proxy", "http://a:1"}}), "a:1");
}

TEST(HttpProxy, ThatIsNotSpokenToOrCannotBeReadIsAnError) {
  for (const char* url : {"https://p.example:3128", "socks5://p.example:1080", "http://p.example",
                          "http://p.example:", "http://p.example:0", "http://p.example:x",
                          "http://:3128", "http://a b:3128", "http://p_x:1"}) {
    EXPECT_TRUE(Proxy({{"HTTPS_PROXY", url}}).starts_with("refused")) << url;
  }
  for (const char* exceptions :
       {"a;b", "10.*.1", "*.10", "10.*.*.*.*", "256.*", "10/33", "1.2.3.4.5/8", "fd00::/129",
        "10.0.0.0/", "http://a", "*a.b*", "<other>", "a_b;c", "_*", "tcp://a:1", "10.-1/8"}) {
    const auto proxy = ProxyOf({{"HTTPS_PROXY", "http://p:1"}, {"no_proxy", exceptions}});
    ASSERT_FALSE(proxy) << exceptions;
    EXPECT_EQ(proxy.error().what, "no_proxy of your environment: '" + std::string(exceptions) +
                                      "' is no exception that can be read");
    EXPECT_EQ(proxy.error().remedy,
              "write names, addresses or ranges between commas in no_proxy, or take it out");
  }
}

TEST(HttpProxy, ThatWantsALoginSaysSoWithoutTellingIt) {
  const auto proxy = ProxyOf({{"HTTPS_PROXY", "http://@p.example:3128"}});
  ASSERT_TRUE(proxy && *proxy);
  EXPECT_TRUE((*proxy)->with_login);
  EXPECT_EQ((*proxy)->host, "p.example");
}

TEST(HttpProxy, IsDescribedWithItsVariableAndWithoutItsLogin) {
  EXPECT_EQ(DescribeProxy({}), "none: no variable of your environment names one");
  EXPECT_EQ(DescribeProxy({{"https_proxy", "http://@p.example:3128"},
                           {"NO_PROXY", ".corp.example,10.0.0.0/8"}}),
            "p.example:3128 (https_proxy, with a login), but not for corp.example, 10.0.0.0/8 "
            "(NO_PROXY)");
  EXPECT_EQ(DescribeProxy({{"HTTP_PROXY", "http://p.example:3128"}}),
            "p.example:3128 (HTTP_PROXY)");
  EXPECT_EQ(DescribeProxy({{"HTTP_PROXY", "http://p.example:3128"}, {"no_proxy", "*"}}),
            "none: no_proxy excepts everything");
  EXPECT_EQ(DescribeProxy({{"ALL_PROXY", "socks5://p.example:1080"}}),
            "ALL_PROXY of your environment: a proxy of the kind 'socks5' is not spoken to; no run "
            "that reaches names starts (name one with http://, or unset it to go without one)");
}

TEST(HttpProxy, IsNotForWhatIsExcepted) {
  EXPECT_TRUE(Through("", "example.com"));
  EXPECT_FALSE(Through("*", "example.com"));
  for (const char* entry : {"example.com", ".example.com", "*.example.com", "x, EXAMPLE.com",
                            "x example.com", "example.com:443"}) {
    EXPECT_FALSE(Through(entry, "example.com")) << entry;
    EXPECT_FALSE(Through(entry, "a.example.com")) << entry;
    EXPECT_TRUE(Through(entry, "badexample.com")) << entry;
  }
  EXPECT_TRUE(Through("example.com:80", "example.com"));
  EXPECT_FALSE(Through("corp", "db.corp"));
  EXPECT_FALSE(Through("10.0.0.0/8", "10.1.2.3", 22));
  EXPECT_FALSE(Through("fd00::/8,::1", "fd00::5"));
  EXPECT_FALSE(Through("localhost,127.0.0.1", "127.0.0.1"));
  EXPECT_TRUE(Through("10.0.0.0/8", "11.1.2.3"));
  EXPECT_TRUE(Through("10.0.0.0/8", "example.com"));
}

TEST(HttpProxy, ReadsRangesAsPeopleWriteThem) {
  for (const char* entry : {"10.*", "10.*.*.*", "10.1.2.*", "10/8", "10.1/16", "10.9.9.9/8"}) {
    EXPECT_FALSE(Through(entry, "10.1.2.3")) << entry;
    EXPECT_TRUE(Through(entry, "11.1.2.3")) << entry;
  }
  EXPECT_FALSE(Through("192.168.*.*", "192.168.255.1"));
  EXPECT_TRUE(Through("192.168.*.*", "192.169.0.1"));
  EXPECT_FALSE(Through("169.254/16", "169.254.3.3"));
  EXPECT_FALSE(Through("127.0.0.1/8", "127.9.9.9"));
  for (const char* entry : {"fd00::1/8", "[fd00::1/8]"}) {
    EXPECT_FALSE(Through(entry, "fdff::5")) << entry;
    EXPECT_TRUE(Through(entry, "fc00::5")) << entry;
  }
  EXPECT_EQ(DescribeProxy({{"https_proxy", "p:1"}, {"NO_PROXY", "10.*,127.0.0.1/8,<local>,_a"}}),
            "p:1 (https_proxy), but not for names without a dot, 10.0.0.0/8, 127.0.0.0/8 "
            "(NO_PROXY)");
}

TEST(HttpProxy, IsNotForNamesWithoutADotWhereTheLocalOnesAreExcepted) {
  EXPECT_FALSE(Through("<local>", "db"));
  EXPECT_TRUE(Through("<local>", "db.corp"));
  EXPECT_TRUE(Through("<local>", "10.1.2.3"));
  EXPECT_TRUE(Through("db.corp", "db"));
}

TEST(HttpProxy, PassesOverExceptionsThatNoHostCanBe) {
  for (const char* entry : {"_foo", "_dmarc.example.com", "a_b:443", ".my_host", "*.my_host"}) {
    EXPECT_TRUE(Through(entry, "example.com")) << entry;
    EXPECT_FALSE(Through(std::string(entry) + ",example.com", "example.com")) << entry;
  }
}

}  // namespace
}  // namespace ambit::plan
