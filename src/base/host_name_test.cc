#include "base/host_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ambit {
namespace {

using ::testing::HasSubstr;

std::string Canonical(std::string_view text) {
  const auto name = HostName::Parse(text);
  return name ? name->text() : "refused: " + name.error().what;
}

TEST(HostName, IsSmallAndWithoutTheDotAtItsEnd) {
  EXPECT_EQ(Canonical("example.com"), "example.com");
  EXPECT_EQ(Canonical("EXAMPLE.Com."), "example.com");
  EXPECT_EQ(Canonical("localhost"), "localhost");
  EXPECT_EQ(Canonical("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(Canonical("4chan.org"), "4chan.org");
  EXPECT_EQ(Canonical("1.2.3.4.example"), "1.2.3.4.example");
  EXPECT_EQ(Canonical(std::string(63, 'a') + ".b"), std::string(63, 'a') + ".b");
}

TEST(HostName, IsNothingThatOthersMayReadDifferently) {
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                              std::string(63, 'c') + "." + std::string(61, 'd');
  EXPECT_EQ(Canonical(longest), longest);
  for (const std::string& text : {std::string(),
                                  std::string("."),
                                  std::string(".."),
                                  std::string("a..b"),
                                  std::string(".a"),
                                  std::string("a.."),
                                  std::string("a b"),
                                  std::string("a_b.c"),
                                  std::string("a\0.b", 4),
                                  std::string("a%00.b"),
                                  std::string("b\xc3\xbc.de"),
                                  std::string("-a.b"),
                                  std::string("a-.b"),
                                  std::string("user@a.b"),
                                  std::string("a.b:443"),
                                  std::string("[::1]"),
                                  std::string("::1"),
                                  std::string("a/b"),
                                  std::string("*.a"),
                                  std::string("1.2.3.4"),
                                  std::string("127.1"),
                                  std::string("2130706433"),
                                  std::string("0x7f.0x1"),
                                  std::string("a.0x7F"),
                                  std::string("a.1"),
                                  std::string("1.2.3.4."),
                                  std::string("a\\.b"),
                                  std::string(64, 'a'),
                                  longest + "d",
                                  std::string(300, '.')}) {
    EXPECT_THAT(Canonical(text), HasSubstr("refused: '")) << text;
  }
}

TEST(HostName, IsBelowAnotherByLabels) {
  const auto below = [](std::string_view name, std::string_view parent) {
    return HostName::Parse(name)->IsBelow(*HostName::Parse(parent));
  };
  EXPECT_TRUE(below("a.example.com", "example.com"));
  EXPECT_TRUE(below("a.b.EXAMPLE.com", "example.com."));
  EXPECT_FALSE(below("example.com", "example.com"));
  EXPECT_FALSE(below("badexample.com", "example.com"));
  EXPECT_FALSE(below("example.com.evil.org", "example.com"));
  EXPECT_FALSE(below("com", "example.com"));
}

}  // namespace
}  // namespace ambit
