#include "policy/published_port.h"

#include <gtest/gtest.h>

namespace ambit::policy {
namespace {

PublishedPort Parsed(std::string_view text) {
  const auto port = ParsePublishedPort(text);
  EXPECT_TRUE(port) << text;
  return port.value_or(PublishedPort{});
}

TEST(PublishedPort, IsOnePortOrTwo) {
  EXPECT_EQ(Parsed("3000"), (PublishedPort{.host = 3000, .inside = 3000}));
  EXPECT_EQ(Parsed("8080:80"), (PublishedPort{.host = 8080, .inside = 80}));
  EXPECT_EQ(Parsed("0:65535"), (PublishedPort{.host = 0, .inside = 65535}));
}

TEST(PublishedPort, IsWrittenAsItIsRead) {
  for (const char* text : {"1", "3000", "8080:80", "0:80"}) EXPECT_EQ(TextOf(Parsed(text)), text);
  EXPECT_EQ(TextOf(Parsed("80:80")), "80");
}

TEST(PublishedPort, IsNothingElse) {
  for (const char* text :
       {"", "0", "80:0", ":", ":80", "80:", "65536", "80:65536", "-1", "+1", " 80", "80 ",
        "80:80:80", "http", "80/udp", "0.0.0.0:80", "1e3", "080", "00:80"}) {
    EXPECT_FALSE(ParsePublishedPort(text)) << text;
  }
}

}  // namespace
}  // namespace ambit::policy
