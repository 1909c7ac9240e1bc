#pragma once
// Socket addresses as egress reports them.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>

namespace ambit::egress {

struct Address {
  std::uint8_t family = 0;  // 4 or 6; 0: none
  std::uint16_t port = 0;
  std::array<std::uint8_t, 16> bytes{};  // the first four for family 4

  [[nodiscard]] bool IsLoopback() const;
  bool operator==(const Address&) const = default;
};

/// Nothing for other families.
std::optional<Address> AddressIn(const sockaddr_storage& storage);

/// getsockname(): of a captured connection this is the target the client wanted.
std::optional<Address> LocalAddressOf(int socket);

/// Whether it accepts connections.
bool IsListener(int socket);

}  // namespace ambit::egress
