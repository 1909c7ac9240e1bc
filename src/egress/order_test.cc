#include "egress/order.h"

#include <gtest/gtest.h>

namespace ambit::egress {
namespace {

Result<Order> Decoded(std::string_view bytes) {
  return DecodeOrder(std::as_bytes(std::span(bytes)));
}

TEST(Order, ComesBackAsItWas) {
  for (const Order& order : {Order{.kind = OrderKind::kAnswer, .question = 7, .allowed = true},
                             Order{.kind = OrderKind::kAnswer, .question = 7, .allowed = false},
                             Order{.kind = OrderKind::kAllow, .text = "example.com:443"},
                             Order{.kind = OrderKind::kDeny, .text = "*.example.com"}}) {
    const auto decoded = Decoded(Encode(order));
    ASSERT_TRUE(decoded) << decoded.error().what;
    EXPECT_EQ(*decoded, order);
  }
}

TEST(Order, ThatIsNotInOrderIsRefused) {
  EXPECT_FALSE(Decoded(""));
  EXPECT_FALSE(Decoded("1234567"));
  EXPECT_FALSE(Decoded(Encode({.kind = OrderKind::kAnswer, .question = 0})));
  EXPECT_FALSE(Decoded(Encode({.kind = OrderKind::kAnswer, .question = 1, .text = "a.b"})));
  EXPECT_FALSE(Decoded(Encode({.kind = OrderKind::kAllow})));
  EXPECT_FALSE(Decoded(Encode({.kind = OrderKind::kAllow, .question = 1, .text = "a.b"})));
  EXPECT_FALSE(Decoded(Encode({.kind = OrderKind::kDeny, .allowed = true, .text = "a.b"})));
  EXPECT_FALSE(Decoded(Encode({.kind = static_cast<OrderKind>(99), .text = "a.b"})));
  EXPECT_FALSE(
      Decoded(Encode({.kind = OrderKind::kAllow, .text = std::string(kMostOrderBytes, 'a')})));
  std::string other = Encode({.kind = OrderKind::kAllow, .text = "a.b"});
  other[0] = 9;
  EXPECT_FALSE(Decoded(other));
}

}  // namespace
}  // namespace ambit::egress
