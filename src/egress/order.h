#pragma once
// What the supervisor tells egress while a run goes on: records of a fixed size over the control
// socket, one per message, after the one with the run's listeners.
//
// The supervisor is believed; a record that cannot be understood is a bug of ours, and ends egress
// and with it the run.
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "base/error.h"
#include "policy/published_port.h"

namespace ambit::egress {

enum class OrderKind : std::uint8_t {
  kPublish = 1,  // comes with a listener of the host: serve it, `host` and `inside`
};
inline constexpr OrderKind kLastOrderKind = OrderKind::kPublish;

struct EgressOrder {
  static constexpr std::uint8_t kVersion = 1;

  std::uint8_t version = kVersion;
  OrderKind kind = OrderKind::kPublish;
  std::uint16_t host = 0;    // where the listener is, for the record
  std::uint16_t inside = 0;  // where connections go

  bool operator==(const EgressOrder&) const = default;
};
static_assert(std::is_trivially_copyable_v<EgressOrder>);
static_assert(std::has_unique_object_representations_v<EgressOrder>, "no padding that leaks");

/// The record as it is sent.
std::span<const std::byte> BytesOf(const EgressOrder& order);

/// kInvalidArgument names the field that is wrong.
Result<EgressOrder> DecodeOrder(std::span<const std::byte> message);

}  // namespace ambit::egress
