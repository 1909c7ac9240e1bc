#include "egress/told_refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ambit::egress {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ToldRefusal, IsInTheProtocolThatIsSpoken) {
  EXPECT_EQ(SpeaksOf("", 22), Speaks::kSsh);
  EXPECT_EQ(SpeaksOf("SSH-2.0-OpenSSH\r\n", 2222), Speaks::kSsh);
  EXPECT_EQ(SpeaksOf("GET / HTTP/1.1\r\n", 80), Speaks::kHttp);
  EXPECT_EQ(SpeaksOf("POST /x HTTP/1.0\n", 8080), Speaks::kHttp);
  EXPECT_EQ(SpeaksOf("\r\nget /x http/1.1\r\n", 8080), Speaks::kHttp);
  for (const char* some : {"", "SS", "SSH", "GET / HTTP/1.1", "\x16\x03\x01"}) {
    EXPECT_EQ(SpeaksOf(some, 443), std::nullopt) << some;
  }
  for (const char* other : {"{\"a\": 1}\n", "PING\r\n", "a line of words\r\n", "\x01\x02"}) {
    EXPECT_EQ(SpeaksOf(other, 443), Speaks::kOther) << other;
  }
  EXPECT_EQ(SpeaksOf(std::string("\x16\x03\x01\0\x05garbage", 12), 443), Speaks::kTls);
}

// RFC 4253, 6 and 11.1: lengths are in front, and the whole is a multiple of eight.
TEST(ToldRefusal, OfSshIsOneWholePacket) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string words(size, 'w');
    const std::string told = RefusalIn(Speaks::kSsh, words);
    const std::string greeting = "SSH-2.0-ambit\r\n";
    ASSERT_THAT(told, StartsWith(greeting));
    const std::string packet = told.substr(greeting.size());
    const auto byte = [&](std::size_t at) {
      return std::size_t{static_cast<unsigned char>(packet.at(at))};
    };
    EXPECT_EQ(packet.size() % 8, 0U);
    EXPECT_EQ(packet.size(), 4U + (byte(2) << 8) + byte(3));
    EXPECT_GE(byte(4), 4U);
    EXPECT_EQ(byte(5), 1U);  // disconnect
    EXPECT_EQ(byte(9), 1U);  // the host may not be connected to
    EXPECT_EQ(byte(13), size);
    EXPECT_EQ(packet.substr(14, size), words);
    EXPECT_EQ(packet.size(), 4U + 1U + 1U + 4U + 4U + size + 4U + byte(4));
  }
}

TEST(ToldRefusal, OfHttpHasTheWordsTwice) {
  const std::string told = RefusalIn(Speaks::kHttp, "ambit: no");
  EXPECT_THAT(told, StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  EXPECT_THAT(told, HasSubstr("\r\nX-Ambit-Refused: ambit: no\r\n"));
  EXPECT_THAT(told, HasSubstr("\r\nContent-Length: 10\r\n"));
  EXPECT_THAT(told, EndsWith("\r\n\r\nambit: no\n"));
  EXPECT_EQ(RefusalIn(Speaks::kTls, "ambit: no"), std::string(kTlsAccessDenied));
  EXPECT_EQ(RefusalIn(Speaks::kOther, "ambit: no"), "");
}

}  // namespace
}  // namespace ambit::egress
