#include "egress/resolv_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "egress/hosts_file.h"

namespace ambit::egress {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Servers(std::string_view text) {
  std::vector<std::string> servers;
  for (const auto& address : NameServersIn(text)) servers.push_back(policy::TextOf(address));
  return servers;
}

TEST(ResolvConf, NamesItsServersInTheirOrder) {
  EXPECT_THAT(Servers("# by hand\nsearch corp\nnameserver 10.8.0.1\nnameserver\t2001:db8::53 \r\n"
                      "options edns0\nnameserver 127.0.0.53"),
              ElementsAre("10.8.0.1", "2001:db8::53", "127.0.0.53"));
}

TEST(ResolvConf, WithoutOneMeansTheMachinesOwn) {
  for (const char* text :
       {"", "search corp\n", "nameserver\n", "nameserver x\n", "#nameserver 10.0.0.1\n",
        "nameservers 10.0.0.1\n", " nameserver 10.0.0.1\n", "nameserver fe80::1%eth0\n"}) {
    EXPECT_THAT(Servers(text), ElementsAre("127.0.0.1")) << text;
  }
}

TEST(HostsFile, IsReadAsFarAsItIsWanted) {
  const HostsFile hosts = ParseHostsFile(
      "127.0.0.1 localhost\n10.0.0.5 db.corp.example db # the old one\nfd00::5 db.corp.example\n"
      "0.0.0.0 ads.example\nx y\n",
      [](const HostName& name) { return name.text() == "db.corp.example"; });
  ASSERT_EQ(hosts.size(), 1U);
  EXPECT_EQ(TextOf(hosts), "10.0.0.5 db.corp.example\nfd00::5 db.corp.example\n");
  EXPECT_EQ(ParseHostsFile(TextOf(hosts), [](const HostName&) { return true; }), hosts);
}

}  // namespace
}  // namespace ambit::egress
