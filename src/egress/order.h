#pragma once
// What the supervisor tells egress while a run goes on: one message each on the control socket,
// a head (version, kind) and a body whose form its kind decides. A kind that needs descriptors
// carries them beside it.
//
// The supervisor is the stronger side, so what comes is believed; it is decoded strictly all the
// same, because an order that is misread would be a rule nobody wrote. Sending never waits: egress
// may be busy, or taken over. Who calls: supervise (SendOrder), egress (DecodeOrder). Pure but for
// SendOrder.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/net_rules.h"
#include "policy/published_port.h"

namespace ambit::egress {

enum class OrderKind : std::uint8_t {
  kResolvers = 1,  // addresses: the name servers of the host, in their order
  kHosts,          // text: the lines of its hosts file that the rules have a use for
  kOwnAddresses,   // addresses: what its interfaces have
  kProxyLogin,     // text: what the host's proxy is told of who asks ("Basic dXNlcjpwYXNz")
  kAnswer,         // a person's, once, to what is held: question, allowed
  kAllow,          // text: a rule from now on, as ParseNetRule takes it (egress/run_rules.h)
  kDeny,           // the same
  kPublish,        // published; comes with a listener of the host
};
inline constexpr OrderKind kLastOrderKind = OrderKind::kPublish;

struct Order {
  OrderKind kind = OrderKind::kResolvers;
  std::vector<policy::AddressBytes> addresses;  // of the kinds that have some
  std::string text;                             // of those that have one
  std::uint32_t question = 0;                   // kAnswer
  bool allowed = false;                         // kAnswer
  policy::PublishedPort published = {};         // kPublish
  bool operator==(const Order&) const = default;
};

/// Of one message; a socket takes no more in one piece by default.
inline constexpr std::size_t kMostOrderBytes = 128U << 10;

/// kLimit: it does not fit into a message.
Result<std::string> Encode(const Order& order);

/// kInvalidArgument names what is wrong with it.
Result<Order> DecodeOrder(std::span<const std::byte> message);

/// `fds` go with it. Waits for room, at most so long: egress reads whenever it can. kLimit with
/// EAGAIN: the socket is full, try again later.
Status SendOrder(int socket, const Order& order, std::span<const int> fds = {},
                 std::chrono::milliseconds patience = std::chrono::milliseconds(0));

}  // namespace ambit::egress
