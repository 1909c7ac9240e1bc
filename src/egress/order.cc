#include "egress/order.h"

#include <fmt/format.h>

#include <cstring>

namespace ambit::egress {
namespace {

const char* FirstBadField(const EgressOrder& order) {
  if (order.version != EgressOrder::kVersion) return "version";
  if (order.kind < OrderKind::kPublish || order.kind > kLastOrderKind) return "kind";
  if (order.host == 0) return "host";
  if (order.inside == 0) return "inside";
  return nullptr;
}

}  // namespace

std::span<const std::byte> BytesOf(const EgressOrder& order) {
  return std::as_bytes(std::span(&order, 1));
}

Result<EgressOrder> DecodeOrder(std::span<const std::byte> message) {
  EgressOrder order;
  if (message.size() != sizeof order) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("order to egress: '{}' bytes, not {}", message.size(), sizeof order));
  }
  std::memcpy(&order, message.data(), sizeof order);
  if (const char* field = FirstBadField(order)) {
    return Fail(Errc::kInvalidArgument, fmt::format("order to egress: bad field '{}'", field));
  }
  return order;
}

}  // namespace ambit::egress
