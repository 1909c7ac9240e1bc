// Property: an order that is taken says what it says to the last byte: written again it is the same
// message; a login ends no header.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "egress/order.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ambit::egress;
  const auto order = DecodeOrder(std::as_bytes(std::span(data, size)));
  if (!order) {
    Require(!order.error().what.empty());
    return 0;
  }
  const auto again = Encode(*order);
  Require(again && again->size() == size && std::memcmp(again->data(), data, size) == 0);
  if (order->kind == OrderKind::kProxyLogin) {
    Require(order->text.find_first_of("\r\n") == std::string::npos);
  }
  return 0;
}
