#include "egress/claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "policy/net_rules.h"
#include "proto/client_hello_for_test.h"

namespace ambit::egress {
namespace {

using proto::Extension;
using proto::Record;
using proto::ServerName;
using ::testing::HasSubstr;
using Then = Claim::Look::Then;

const HostName kName = *HostName::Parse("example.com");

/// A ClientHello with these extensions.
std::string Hello(const std::string& extensions) { return Record(proto::Hello(extensions)); }

Claim::Look LookAt(const std::string& bytes, std::uint16_t port = 443) {
  return Claim(kName, port).At(bytes);
}

TEST(Claim, OfTheSameNameGoesOn) {
  const std::string hello = Hello(ServerName("Example.com"));
  const auto look = LookAt(hello);
  EXPECT_EQ(look.then, Then::kMore);
  EXPECT_EQ(look.pass, hello.size());
  for (std::size_t size = 1; size < hello.size(); ++size) {
    const auto part = LookAt(hello.substr(0, size));
    EXPECT_EQ(part.then, Then::kMore) << size;
    EXPECT_EQ(part.pass, 0U) << size;
  }
}

/// What becomes of a second message behind a good hello, given byte by byte.
Claim::Look LookBehindHello(const std::string& more) {
  Claim claim(kName, 443);
  EXPECT_GT(claim.At(Hello(ServerName("example.com"))).pass, 0U);
  std::string pending;
  for (const char c : more) {
    pending += c;
    Claim::Look look = claim.At(pending);
    if (look.then != Then::kMore) return look;
    pending.erase(0, look.pass);
  }
  return {};
}

TEST(Claim, OfASecondHelloIsLookedAt) {
  const std::string change = Record("\x01", proto::kChangeCipherSpec);
  const std::string evil = Hello(ServerName("evil.example"));
  EXPECT_EQ(LookBehindHello(evil).mismatch, Mismatch::kOtherServerName);
  EXPECT_EQ(LookBehindHello(change + evil).mismatch, Mismatch::kOtherServerName);
  EXPECT_EQ(LookBehindHello(change + Hello(ServerName("example.com")) + evil).mismatch,
            Mismatch::kOtherServerName);
  // Behind an empty record, which servers may skip; all at once, too.
  EXPECT_EQ(LookBehindHello(Record("") + evil).mismatch, Mismatch::kNotInOrder);
  Claim claim(kName, 443);
  ASSERT_GT(claim.At(Hello(ServerName("example.com"))).pass, 0U);
  EXPECT_EQ(claim.At(Record("") + evil).mismatch, Mismatch::kNotInOrder);
  EXPECT_EQ(LookBehindHello(change + Record("data", proto::kApplicationData)).then, Then::kRest);
  EXPECT_EQ(LookBehindHello(Record("\x10 key exchange")).then, Then::kRest);
  EXPECT_EQ(LookBehindHello(Record(std::string(100, 'x'), proto::kChangeCipherSpec)).mismatch,
            Mismatch::kNotInOrder);
  EXPECT_EQ(LookBehindHello("GET / HTTP/1.1").mismatch, Mismatch::kNotInOrder);
  // A hello could come behind data that the server throws away.
  EXPECT_EQ(LookAt(Hello(ServerName("example.com") + Extension(proto::kEarlyData, ""))).mismatch,
            Mismatch::kEarlyData);
}

TEST(Claim, OfAnotherServerIsRefused) {
  const auto other = LookAt(Hello(ServerName("evil.example")));
  EXPECT_EQ(other.then, Then::kRefuse);
  EXPECT_EQ(other.mismatch, Mismatch::kOtherServerName);
  EXPECT_EQ(other.claimed, "evil.example");
  EXPECT_EQ(other.reply, std::string("\x15\x03\x03\0\x02\x02\x31", 7));
  EXPECT_EQ(LookAt(Hello("")).mismatch, Mismatch::kNoServerName);
  EXPECT_EQ(
      LookAt(Hello(ServerName("example.com") + Extension(proto::kEncryptedHello, "x"))).mismatch,
      Mismatch::kHiddenServerName);
  EXPECT_EQ(LookAt(Hello(ServerName("1.2.3.4"))).mismatch, Mismatch::kNotInOrder);
  // Wherever it is spoken.
  EXPECT_EQ(LookAt(Hello(ServerName("evil.example")), 9999).mismatch, Mismatch::kOtherServerName);
}

TEST(Claim, OfEachRequestIsLookedAt) {
  Claim claim(kName, 80);
  const std::string first = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
  const std::string second = "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
  const auto good = claim.At(first + second);
  EXPECT_EQ(good.then, Then::kMore);
  EXPECT_EQ(good.pass, first.size());
  const auto bad = claim.At(second);
  EXPECT_EQ(bad.then, Then::kRefuse);
  EXPECT_EQ(bad.mismatch, Mismatch::kOtherHost);
  EXPECT_THAT(bad.reply, HasSubstr("403 Forbidden"));
  EXPECT_THAT(bad.reply, HasSubstr("evil.example"));
}

TEST(Claim, MaySwitchToWebSocketWithItsFirstRequest) {
  const std::string plain = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
  const std::string upgrade = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\r\n";
  const auto look = LookAt(upgrade + "frame", 80);
  EXPECT_EQ(look.then, Then::kSwitch);
  EXPECT_EQ(look.pass, upgrade.size());
  // The server has not agreed: what comes behind is another request, and judged.
  Claim claim(kName, 80);
  EXPECT_EQ(claim.At(upgrade).then, Then::kSwitch);
  EXPECT_EQ(claim.At("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").mismatch,
            Mismatch::kOtherHost);
  Claim later(kName, 80);
  EXPECT_EQ(later.At(plain).then, Then::kMore);
  EXPECT_EQ(later.At(upgrade).mismatch, Mismatch::kNotInOrder);
  EXPECT_EQ(LookAt(upgrade, 8080).mismatch, Mismatch::kNotInOrder);
}

TEST(Claim, OfARequestWithOddBlanksIsRefusedOnEveryPort) {
  for (const char* line : {"GET\t/\tHTTP/1.1", "GET /x\tHTTP/1.1", "GET /x\fHTTP/1.1",
                           " GET / HTTP/1.1", "\r\n\tGET / HTTP/1.1", "GET\x1f/\xa0HTTP/1.1"}) {
    const std::string head = std::string(line) + "\r\nHost: example.com\r\n\r\n";
    for (const std::uint16_t port : {std::uint16_t{80}, std::uint16_t{8080}}) {
      const auto look = LookAt(head, port);
      EXPECT_EQ(look.then, Then::kRefuse) << line;
      EXPECT_EQ(look.pass, 0U) << line;
    }
  }
}

TEST(Claim, OfAnotherPortIsAnothers) {
  const auto at = [](const char* host) {
    return LookAt(std::string("GET / HTTP/1.1\r\nHost: ") + host + "\r\n\r\n", 8080).mismatch;
  };
  EXPECT_EQ(at("example.com:8080"), Mismatch::kNone);
  EXPECT_EQ(at("example.com"), Mismatch::kNone);
  EXPECT_EQ(at("example.com:80"), Mismatch::kOtherHost);
}

TEST(Claim, IsOfTheWebOnPortsOfTheWeb) {
  for (const std::uint16_t port : policy::kWebPorts) {
    EXPECT_EQ(LookAt("SSH-2.0-x\r\n", port).mismatch, Mismatch::kNeither);
    EXPECT_EQ(LookAt("PING\r\n", port).mismatch, Mismatch::kNeither);
    EXPECT_EQ(LookAt(std::string("\0\0\0\x08", 4), port).mismatch, Mismatch::kNeither);
    EXPECT_EQ(LookAt("PRI * HTTP/2.0\r\n\r\n", port).mismatch, Mismatch::kHttp2);
  }
}

TEST(Claim, ElsewhereIsWhateverIsSpoken) {
  for (const std::string& bytes : {std::string("SSH-2.0-x\r\n"), std::string("PING\r\n"),
                                   std::string("EHLO me\r\n"), std::string("\0\0\0\x08", 4)}) {
    const auto look = LookAt(bytes, 5000);
    EXPECT_EQ(look.then, Then::kRest) << bytes;
    EXPECT_EQ(look.pass, bytes.size());
  }
  EXPECT_EQ(LookAt("EHLO", 25).then, Then::kMore);
  for (const char* lenient : {"GET / HTTP/1.1\r\n", "\r\nGET / HTTP/1.1\r\n", "\nget / http/1.1\n",
                              "M-SEARCH / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n"}) {
    EXPECT_EQ(LookAt(std::string(lenient) + "Host: evil.example\r\n\r\n", 5000).then, Then::kRefuse)
        << lenient;
  }
}

/// What nginx, Python and Go take for HTTP or TLS.
TEST(Claim, ElsewhereHidesNoRequestAndNoHello) {
  const std::vector<std::string> lenient = {
      "PROPFINDPROPFINDPROPFIND / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
      "GET http://evil.example/\r\n\r\n",
      "GET /where\r\nHost: evil.example\r\n\r\n",
      std::string("\x16\x02\x01\x00\x05\x01\x00\x00\x01\x00", 10),
      std::string("\x15\x03\x01\x00\x02\x01\x00\x16\x03\x01", 10),
      std::string("\x80\x2e\x01\x03\x03\x00\x15\x00\x00\x00", 10)};
  for (const std::string& bytes : lenient) {
    EXPECT_EQ(LookAt(bytes, 5000).then, Then::kRefuse) << bytes;
    EXPECT_EQ(LookAt(bytes, 5000).pass, 0U) << bytes;
  }
  // The control: what only begins with such a byte or word.
  const std::vector<std::string> others = {"get /a/key\r\n",
                                           "GET key\r\n",
                                           "HELP /topic\r\n",
                                           std::string("\x16\x00\x00\x01\x00\x00\x00\x00", 8),
                                           std::string("\x15\x00\x00\x01\x03sel", 8),
                                           std::string("\x80\x01\x00\x01\x00\x00\x00\x00", 8),
                                           std::string("\x16\x10\x01\x00", 4)};
  for (const std::string& bytes : others) EXPECT_EQ(LookAt(bytes, 5000).then, Then::kRest) << bytes;
}

TEST(Claim, IsToldByPiecesAsByTheWhole) {
  Claim claim(kName, 5000);
  std::string said;
  const std::string all = "\r\n GET \t http://evil.example/ \r\n\r\n";
  Claim::Look look;
  for (const char c : all) {
    said += c;
    look = claim.At(said);
    ASSERT_EQ(look.pass, 0U);
    if (look.then != Then::kMore) break;
  }
  EXPECT_EQ(look.then, Then::kRefuse);
}

TEST(Claim, OfWhoSaysNoMoreIsJudgedByWhatIsThere) {
  const auto at_end = [](std::string_view bytes, std::uint16_t port) {
    Claim claim(kName, port);
    EXPECT_EQ(claim.At(bytes).then, Then::kMore) << bytes;
    return claim.AtEnd(bytes);
  };
  EXPECT_EQ(at_end("letters", 5000).then, Then::kRest);
  EXPECT_EQ(at_end("letters", 5000).pass, 7U);
  EXPECT_EQ(at_end("", 80).then, Then::kRest);
  EXPECT_EQ(at_end("letters", 80).then, Then::kRefuse);
  for (const char* bytes : {"GET /where", "GET / HTTP/1.1", "GET http://evil.example/"}) {
    EXPECT_EQ(at_end(bytes, 5000).then, Then::kRefuse) << bytes;
  }
  EXPECT_EQ(at_end("GET / HTTP/1.1\r\nHost: example.com\r\n", 5000).then, Then::kRefuse);
}

}  // namespace
}  // namespace ambit::egress
