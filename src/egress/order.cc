#include "egress/order.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <type_traits>

namespace ambit::egress {
namespace {

constexpr std::uint8_t kVersion = 1;

/// What stands before the text.
struct Head {
  std::uint8_t version = kVersion;
  OrderKind kind = OrderKind::kAnswer;
  std::uint8_t allowed = 0;
  std::uint8_t unused = 0;
  std::uint32_t question = 0;
};
static_assert(std::has_unique_object_representations_v<Head>, "no padding that leaks");

const char* FirstBadField(const Head& head, std::size_t text_bytes) {
  if (head.version != kVersion) return "version";
  if (head.kind < OrderKind::kAnswer || head.kind > kLastOrderKind) return "kind";
  const bool answer = head.kind == OrderKind::kAnswer;
  if (head.allowed > (answer ? 1 : 0)) return "allowed";
  if (head.unused != 0) return "unused";
  if ((head.question != 0) != answer) return "question";
  if ((text_bytes == 0) != answer) return "text";
  return nullptr;
}

}  // namespace

std::string Encode(const Order& order) {
  const Head head{.kind = order.kind,
                  .allowed = static_cast<std::uint8_t>(order.allowed ? 1 : 0),
                  .question = order.question};
  std::array<char, sizeof head> bytes{};
  std::memcpy(bytes.data(), &head, sizeof head);
  return std::string(bytes.data(), bytes.size()) + order.text;
}

Result<Order> DecodeOrder(std::span<const std::byte> message) {
  Head head;
  if (message.size() < sizeof head || message.size() > kMostOrderBytes) {
    return Fail(Errc::kInvalidArgument, fmt::format("order: '{}' bytes", message.size()));
  }
  std::memcpy(&head, message.data(), sizeof head);
  const auto text = message.subspan(sizeof head);
  if (const char* field = FirstBadField(head, text.size())) {
    return Fail(Errc::kInvalidArgument, fmt::format("order: bad field '{}'", field));
  }
  return Order{.kind = head.kind,
               .question = head.question,
               .allowed = head.allowed == 1,
               .text = {reinterpret_cast<const char*>(text.data()), text.size()}};
}

}  // namespace ambit::egress
