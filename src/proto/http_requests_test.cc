#include "proto/http_requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::proto {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// The hosts that a connection names, given in pieces of `size`; ends with "!" when it was refused,
/// with "?" when something is missing.
std::vector<std::string> HostsOf(const std::string& sent, std::size_t size) {
  HttpRequests requests;
  std::vector<std::string> hosts;
  std::string pending;
  bool within = false;
  for (std::size_t at = 0; at < sent.size(); at += size) {
    pending += sent.substr(at, size);
    while (!pending.empty()) {
      const auto progress = requests.Take(pending);
      if (!progress) {
        hosts.emplace_back("!");
        return hosts;
      }
      if (progress->head) hosts.push_back(progress->head->authority.host.text());
      if (progress->bytes == 0) break;
      pending.erase(0, progress->bytes);
    }
    within = !pending.empty();
  }
  if (within) hosts.emplace_back("?");
  return hosts;
}

TEST(HttpRequests, EachNamesItsHost) {
  const std::string sent =
      "GET / HTTP/1.1\r\nHost: A.example\r\nAccept: */*\r\n\r\n"
      "POST /x HTTP/1.1\r\nHOST:b.example:80\r\nContent-Length: 5\r\n\r\nGET /"
      "PUT /y HTTP/1.1\r\nhost: c.example\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n1E\r\nGET / HTTP/1.1\r\nHost: evil\r\n\r\n\r\n0\r\nTrailer: x\r\n\r\n"
      "DELETE http://d.example/z HTTP/1.1\r\nHost: d.example\r\n\r\n";
  for (std::size_t size = 1; size <= sent.size(); ++size) {
    EXPECT_THAT(HostsOf(sent, size),
                ElementsAre("a.example", "b.example", "c.example", "d.example"))
        << size;
  }
}

TEST(HttpRequests, ThatMayBeReadInTwoWaysAreRefused) {
  const std::string host = "Host: a.example\r\n";
  for (const std::string& sent : std::vector<std::string>{
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + host + "\r\n",
           "GET / HTTP/1.1\r\n" + host + "Host: b.example\r\n\r\n",
           "GET http://b.example/ HTTP/1.1\r\n" + host + "\r\n",
           "GET http://a.example@b.example/ HTTP/1.1\r\n" + host + "\r\n",
           "GET https://a.example/ HTTP/1.1\r\n" + host + "\r\n",
           "GET a.example HTTP/1.1\r\n" + host + "\r\n",
           "GET / HTTP/2\r\n" + host + "\r\n",
           "GET / x HTTP/1.1\r\n" + host + "\r\n",
           "GET /\r\n" + host + "\r\n",
           "CONNECT a.example:443 HTTP/1.1\r\n" + host + "\r\n",
           "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
           "GET / HTTP/1.1\r\n Host: b\r\n" + host + "\r\n",
           "GET / HTTP/1.1\r\nX: y\r\n Host: a.example\r\n\r\n",
           "GET / HTTP/1.1\nHost: a.example\r\n\r\n",
           "GET / HTTP/1.1\r\nX: y\nHost: b.example\r\n" + host + "\r\n",
           "GET / HTTP/1.1\r\nX: y\rHost: b.example\r\n" + host + "\r\n",
           "GET / HTTP/1.1\r\nHost: a.example" + std::string(1, '\0') + "\r\n\r\n",
           "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n",
           std::string("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: user@a.example\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.example:x\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: a.example:99999\r\n\r\n"),
           std::string("GET / HTTP/1.1\r\nHost: \r\n\r\n"),
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 0x10\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 1 \x0b\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host +
               "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "no colon\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host +
               "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host +
               "Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b.example\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host +
               "Transfer-Encoding: chunked\r\n\r\n0\r\nhost : b.example\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host +
               "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n folded\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n",
           "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Connection: close, Host\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n-1\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;x=y\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
           "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Upgrade: websocket, h2c\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Upgrade: TLS/1.2\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Upgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Upgrade: websocket\r\nContent-Length: 1\r\n\r\nx",
           "GET / HTTP/1.1\r\n" + host + "X: " + std::string(70'000, 'x') + "\r\n\r\n",
           std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
    EXPECT_THAT(HostsOf(sent, sent.size()), ::testing::Contains("!")) << sent.substr(0, 100);
  }
}

TEST(HttpRequests, MaySwitchToWebSocket) {
  const std::string sent =
      "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
  HttpRequests requests;
  const auto progress = requests.Take(sent);
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->bytes, sent.size());
  ASSERT_TRUE(progress->head);
  EXPECT_TRUE(progress->head->switches);
}

TEST(HttpAnswers, AreReadAsFarAsTheirHeads) {
  const std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) {
    const auto part = ReadAnswerHead(head.substr(0, size));
    ASSERT_TRUE(part) << size;
    EXPECT_FALSE(*part) << size;
  }
  const auto whole = ReadAnswerHead(head + "frame");
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->status, 101U);
  EXPECT_EQ((*whole)->bytes, head.size());
  for (const std::string& none :
       std::vector<std::string>{"HTTP/2 101\r\n\r\n", "HTTP/1.1 x01\r\n\r\n", "\r\n\r\n",
                                "HTTP/1.1 -10\r\n\r\n", std::string(70'000, 'x')}) {
    EXPECT_FALSE(ReadAnswerHead(none)) << none.substr(0, 20);
  }
}

}  // namespace
}  // namespace ambit::proto
