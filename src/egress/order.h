#pragma once
// What the supervisor tells egress while the run goes on: one order per message of the control
// socket, the other way of report.h.
//
// Egress trusts the supervisor, and still takes only what is in order: a slip must not become a
// hole. Who calls: the supervisor encodes, egress decodes. Pure.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace ambit::egress {

enum class OrderKind : std::uint8_t {
  kAnswer = 1,  // to what is held: `question` and `allowed`
  kAllow,       // a rule from now on: `text`, as ParseNetRule takes it
  kDeny,        // the same
};
inline constexpr OrderKind kLastOrderKind = OrderKind::kDeny;

struct Order {
  OrderKind kind = OrderKind::kAnswer;
  std::uint32_t question = 0;
  bool allowed = false;
  std::string text = {};
  bool operator==(const Order&) const = default;
};

/// The longest message.
inline constexpr std::size_t kMostOrderBytes = 1024;

std::string Encode(const Order& order);

/// kInvalidArgument names the field that is not in order.
Result<Order> DecodeOrder(std::span<const std::byte> message);

}  // namespace ambit::egress
