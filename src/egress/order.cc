#include "egress/order.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "sys/fd_passing.h"

namespace ambit::egress {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHead = 2;  // version, kind
constexpr std::size_t kAddressBytes = sizeof(policy::AddressBytes);

bool HasAddresses(OrderKind kind) {
  return kind == OrderKind::kResolvers || kind == OrderKind::kOwnAddresses;
}

std::unexpected<Error> Wrong(std::string_view why) {
  return Fail(Errc::kInvalidArgument, fmt::format("an order to egress: {}", why));
}

/// Of a header's value: what could end it is not in it.
bool IsPrintableAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

Result<std::string> Encode(const Order& order) {
  std::string message = {static_cast<char>(kVersion),
                         static_cast<char>(std::to_underlying(order.kind))};
  for (const policy::AddressBytes& address : order.addresses) {
    message.append(reinterpret_cast<const char*>(address.data()), address.size());
  }
  message += order.text;
  if (order.kind == OrderKind::kAnswer) {
    message.append(reinterpret_cast<const char*>(&order.question), sizeof order.question);
    message += static_cast<char>(order.allowed ? 1 : 0);
  }
  if (order.kind == OrderKind::kPublish) {
    for (const std::uint16_t port : {order.published.host, order.published.inside}) {
      message.append(reinterpret_cast<const char*>(&port), sizeof port);
    }
  }
  if (message.size() > kMostOrderBytes) return Fail(Errc::kLimit, "an order that is too long");
  return message;
}

Result<Order> DecodeOrder(std::span<const std::byte> message) {
  if (message.size() < kHead || message.size() > kMostOrderBytes) return Wrong("its size");
  if (std::to_integer<std::uint8_t>(message[0]) != kVersion) return Wrong("its version");
  const auto kind = std::to_integer<std::uint8_t>(message[1]);
  if (kind < std::to_underlying(OrderKind::kResolvers) ||
      kind > std::to_underlying(kLastOrderKind)) {
    return Wrong("its kind");
  }
  Order order{.kind = static_cast<OrderKind>(kind), .addresses = {}, .text = {}};
  const auto body = message.subspan(kHead);
  if (HasAddresses(order.kind)) {
    if (body.size() % kAddressBytes != 0) return Wrong("half an address");
    order.addresses.resize(body.size() / kAddressBytes);
    if (!body.empty()) std::memcpy(order.addresses.data(), body.data(), body.size());
    if (order.kind == OrderKind::kResolvers && order.addresses.empty())
      return Wrong("no name server");
  } else if (order.kind == OrderKind::kAnswer) {
    if (body.size() != sizeof order.question + 1) return Wrong("its size");
    std::memcpy(&order.question, body.data(), sizeof order.question);
    const auto allowed = std::to_integer<std::uint8_t>(body.back());
    if (order.question == 0 || allowed > 1) return Wrong("no answer");
    order.allowed = allowed == 1;
  } else if (order.kind == OrderKind::kPublish) {
    std::array<std::uint16_t, 2> ports{};
    if (body.size() != sizeof ports) return Wrong("its size");
    std::memcpy(ports.data(), body.data(), sizeof ports);
    order.published = {.host = ports[0], .inside = ports[1]};
    if (ports[0] == 0 || ports[1] == 0) return Wrong("no port");
  } else {
    order.text.assign(reinterpret_cast<const char*>(body.data()), body.size());
    if (order.text.contains('\0')) return Wrong("a zero byte");
    if (order.kind == OrderKind::kProxyLogin && !IsPrintableAscii(order.text))
      return Wrong("no login");
    const bool rule = order.kind == OrderKind::kAllow || order.kind == OrderKind::kDeny;
    if (rule && order.text.empty()) return Wrong("no rule");
  }
  return order;
}

Status SendOrder(int socket, const Order& order, std::span<const int> fds,
                 std::chrono::milliseconds patience) {
  AMBIT_TRY(std::string message, Encode(order));
  pollfd room{.fd = socket, .events = POLLOUT, .revents = 0};
  if (::poll(&room, 1, static_cast<int>(patience.count())) != 1)
    return FailErrno(EAGAIN, "send an order to egress");
  Status sent = sys::SendFds(socket, std::as_bytes(std::span(message)), fds);
  ::explicit_bzero(message.data(), message.size());  // it may be a login
  return sent;
}

}  // namespace ambit::egress
