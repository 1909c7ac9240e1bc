#include "egress/order.h"

#include <gtest/gtest.h>

namespace ambit::egress {
namespace {

std::string WhyNot(const EgressOrder& order) {
  const auto decoded = DecodeOrder(BytesOf(order));
  return decoded ? "decoded" : decoded.error().what;
}

TEST(EgressOrder, IsDecodedAsItWasSent) {
  const EgressOrder order{.host = 8080, .inside = 80};
  const auto decoded = DecodeOrder(BytesOf(order));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, order);
}

TEST(EgressOrder, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(WhyNot({.version = 9, .host = 1, .inside = 1}), "order to egress: bad field 'version'");
  EXPECT_EQ(WhyNot({.kind = static_cast<OrderKind>(0), .host = 1, .inside = 1}),
            "order to egress: bad field 'kind'");
  EXPECT_EQ(WhyNot({.kind = static_cast<OrderKind>(99), .host = 1, .inside = 1}),
            "order to egress: bad field 'kind'");
  EXPECT_EQ(WhyNot({.host = 0, .inside = 1}), "order to egress: bad field 'host'");
  EXPECT_EQ(WhyNot({.host = 1, .inside = 0}), "order to egress: bad field 'inside'");
}

TEST(EgressOrder, HasOneSize) {
  const EgressOrder order{.host = 1, .inside = 1};
  EXPECT_FALSE(DecodeOrder(BytesOf(order).first(sizeof order - 1)));
  EXPECT_FALSE(DecodeOrder({}));
}

}  // namespace
}  // namespace ambit::egress
