#include "egress/order.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "sys/fd_passing.h"

namespace ambit::egress {
namespace {

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

const policy::AddressBytes kAddress = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 53};

TEST(Order, OfEachKindIsReadAsItWasWritten) {
  const std::vector<Order> orders = {
      {.kind = OrderKind::kResolvers, .addresses = {kAddress, {1}}, .text = {}},
      {.kind = OrderKind::kHosts, .addresses = {}, .text = "10.0.0.5 db.corp.example\n"},
      {.kind = OrderKind::kHosts, .addresses = {}, .text = {}},
      {.kind = OrderKind::kOwnAddresses, .addresses = {}, .text = {}},
      {.kind = OrderKind::kOwnAddresses, .addresses = {kAddress}, .text = {}},
      {.kind = OrderKind::kProxyLogin, .addresses = {}, .text = "Basic dXNlcjpwYXNz"},
      {.kind = OrderKind::kAnswer, .question = 7, .allowed = true},
      {.kind = OrderKind::kAnswer, .question = 7},
      {.kind = OrderKind::kAllow, .text = "example.com:443"},
      {.kind = OrderKind::kDeny, .text = "*.example.com"},
      {.kind = OrderKind::kPublish, .published = {.host = 3000, .inside = 80}}};
  for (const Order& order : orders) {
    const auto message = Encode(order);
    ASSERT_TRUE(message);
    const auto read = DecodeOrder(Bytes(*message));
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(*read, order);
  }
}

TEST(Order, ThatIsNotInOrderIsRefused) {
  const std::vector<std::string> wrong = {
      "",
      "\1",
      std::string("\0\1", 2),                      // another version
      std::string("\1\0", 2),                      // no kind
      "\1\x7f",                                    // none that is known
      "\1\5",                                      // an answer without a question
      std::string("\1\5\0\0\0\0\1", 7),            // an answer to none
      std::string("\1\5\1\0\0\0\2", 7),            // neither yes nor no
      "\1\6",                                      // no rule
      std::string("\1\x8\0\0\1\1", 6),             // no port
      "\1\x8xxxxx",                                // half a port
      "\1\1",                                      // no name server
      std::string("\1\1") + std::string(15, 'x'),  // half an address
      std::string("\1\2a\0b", 5),                  // a zero byte in a text
      "\1\4Basic a\r\nX: y",                       // more than one header
      std::string("\1\2") + std::string(kMostOrderBytes, 'x')};
  for (const std::string& message : wrong) EXPECT_FALSE(DecodeOrder(Bytes(message))) << message;
}

TEST(Order, ThatIsTooLongIsNotSent) {
  EXPECT_FALSE(Encode(
      {.kind = OrderKind::kHosts, .addresses = {}, .text = std::string(kMostOrderBytes, 'x')}));
}

TEST(Order, NeverWaitsForAReader) {
  const auto pair = sys::MakeSeqpacketPair();
  ASSERT_TRUE(pair);
  const Order order{
      .kind = OrderKind::kHosts, .addresses = {}, .text = std::string(kMostOrderBytes - 2, 'x')};
  ASSERT_TRUE(SendOrder(pair->first.get(), order)) << "one of the largest fits";
  Status sent;
  for (int n = 0; n < 1000 && sent; ++n) sent = SendOrder(pair->first.get(), order);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sys_errno, EAGAIN);
}

}  // namespace
}  // namespace ambit::egress
