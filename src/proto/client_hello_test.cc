#include "proto/client_hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/client_hello_for_test.h"

namespace ambit::proto {
namespace {

using ::testing::HasSubstr;

Result<std::optional<ClientHello>> Read(const std::string& bytes) {
  return ReadClientHello(std::as_bytes(std::span(bytes)));
}

constexpr std::size_t kEncryptedServerName = 0xffce;  // of drafts
const std::string kGrease = Extension(0x2a2a, "x");

TEST(ClientHello, NamesItsServer) {
  const auto hello = Read(Record(Hello(kGrease + ServerName("Example.COM") + kGrease)));
  ASSERT_TRUE(hello) << hello.error().what;
  ASSERT_TRUE(*hello);
  EXPECT_EQ((*hello)->server_name->text(), "example.com");
  EXPECT_FALSE((*hello)->encrypted);
}

TEST(ClientHello, MayComeInAnyPieces) {
  const std::string message = Hello(ServerName("example.com"));
  std::string records;
  for (std::size_t at = 0; at < message.size(); at += 7) records += Record(message.substr(at, 7));
  for (std::size_t size = 0; size < records.size(); ++size) {
    const auto hello = Read(records.substr(0, size));
    ASSERT_TRUE(hello) << size << hello.error().what;
    EXPECT_FALSE(*hello) << size;
  }
  ASSERT_TRUE(*Read(records));
  EXPECT_EQ((**Read(records)).server_name->text(), "example.com");
  const auto followed = Read(records + Record("data", kApplicationData));
  ASSERT_TRUE(*followed);
  EXPECT_EQ((*followed)->bytes, records.size());
}

// With a key share of today's sizes, padding, and a record for every byte.
TEST(ClientHello, MayBeLarge) {
  constexpr std::size_t kLongestRecord = 1U << 14;
  const std::string message =
      Hello(Extension(51, std::string(1300, 'k')) +
            Extension(21, std::string(kLongestRecord, '\0')) + ServerName("example.com"));
  std::string two;
  for (std::size_t at = 0; at < message.size(); at += kLongestRecord) {
    two += Record(message.substr(at, kLongestRecord));
  }
  std::string one_byte_each;
  for (const char byte : Hello(ServerName("example.com"))) {
    one_byte_each += Record(std::string(1, byte));
  }
  for (const std::string& bytes : {two, one_byte_each}) {
    const auto hello = Read(bytes);
    ASSERT_TRUE(hello && *hello);
    EXPECT_EQ((*hello)->server_name->text(), "example.com");
    EXPECT_EQ((*hello)->bytes, bytes.size());
  }
}

TEST(ClientHello, SaysWhetherDataComesEarly) {
  EXPECT_FALSE((**Read(Record(Hello(ServerName("a.b"))))).early_data);
  EXPECT_TRUE((**Read(Record(Hello(ServerName("a.b") + Extension(kEarlyData, ""))))).early_data);
}

TEST(ClientHello, MayNameNobody) {
  const auto hello = Read(Record(Hello(kGrease)));
  ASSERT_TRUE(hello && *hello);
  EXPECT_FALSE((*hello)->server_name);
}

TEST(ClientHello, ThatHidesAnotherIsSeenAsSuch) {
  for (const std::size_t type : {kEncryptedHello, kEncryptedServerName}) {
    const auto hello = Read(Record(Hello(ServerName("a.example") + Extension(type, "inner"))));
    ASSERT_TRUE(hello && *hello);
    EXPECT_TRUE((*hello)->encrypted);
  }
}

TEST(ClientHello, NotInOrderIsRefused) {
  const std::string two =
      Extension(0, Vector(Number(0, 1) + Vector("a.b", 2) + Number(0, 1) + Vector("c.d", 2), 2));
  for (const std::string& bytes :
       {Record(Hello(ServerName("a.b") + ServerName("a.b"))),
        Record(Hello(two)),
        Record(Hello(ServerName(""))),
        Record(Hello(ServerName("a.b."))),
        Record(Hello(ServerName("1.2.3.4"))),
        Record(Hello(ServerName("::1"))),
        Record(Hello(ServerName(std::string("a.b\0c", 5)))),
        Record(Hello(ServerName(std::string(254, 'a')))),
        Record(Hello(Extension(0, Vector(Number(1, 1) + Vector("a.b", 2), 2)))),
        Record(Hello(Extension(0, "xx"))),
        Record(Hello("cut")),
        Record(Hello(ServerName("a.b")) + "more"),
        Record(Hello(ServerName("a.b")) + "more").substr(0, 5 + Hello(ServerName("a.b")).size()),
        Record(Number(2, 1) + Vector("server", 3)),
        Record(Number(1, 1) + Number(1U << 20, 3)),
        Record(""),
        Record(std::string(1U << 15, 'x')),
        std::string("\x80\x2e\x01\x03\x01\x00\x15", 7),
        std::string("GET / HTTP/1.1\r\n\r\n"),
        Record(Hello(ServerName("a.b")).substr(0, 9)) + Record("ab", kAlert)}) {
    const auto hello = Read(bytes);
    EXPECT_FALSE(hello) << ::testing::PrintToString(bytes.substr(0, 60));
    if (!hello) EXPECT_THAT(hello.error().what, HasSubstr("ClientHello"));
  }
}

}  // namespace
}  // namespace ambit::proto
