#include "proto/proxy_answer.h"

#include <gtest/gtest.h>

#include <string>

namespace ambit::proto {
namespace {

using State = ProxyAnswer::State;

TEST(ProxyAnswer, IsReadToTheEndOfItsHeadAndNoFurther) {
  const std::string head = "HTTP/1.1 200 Connection established\r\nVia: squid\r\n\r\n";
  const ProxyAnswer answer = ReadProxyAnswer(head + "SSH-2.0-server\r\n\r\n");
  EXPECT_EQ(answer.state, State::kWhole);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.bytes, head.size());
  for (std::size_t n = 0; n < head.size(); ++n) {
    EXPECT_EQ(ReadProxyAnswer(head.substr(0, n)).state, State::kMore) << n;
  }
}

TEST(ProxyAnswer, HasAStatus) {
  EXPECT_EQ(ReadProxyAnswer("HTTP/1.0 407 Who\r\n\r\n").status, 407);
  EXPECT_EQ(ReadProxyAnswer("HTTP/1.1 503\r\n\r\n").status, 503);
}

TEST(ProxyAnswer, ThatIsNoneIsBad) {
  for (const char* text :
       {"\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1  200\r\n\r\n", "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n", "HTTP/1.1 600 x\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.x 200 OK\r\n\r\n"}) {
    EXPECT_EQ(ReadProxyAnswer(text).state, State::kBad) << text;
  }
  EXPECT_EQ(ReadProxyAnswer(std::string(kMostProxyAnswer, 'x')).state, State::kBad);
  EXPECT_EQ(ReadProxyAnswer("HTTP/1.1 200 OK\r\n" + std::string(kMostProxyAnswer, 'x') + "\r\n\r\n")
                .state,
            State::kBad);
}

}  // namespace
}  // namespace ambit::proto
