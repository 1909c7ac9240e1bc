#pragma once
// Socket addresses as egress reports them.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>

#include "policy/policy.h"

namespace ambit::egress {

struct Address {
  std::uint8_t family = 0;  // 4 or 6; 0: none
  std::uint16_t port = 0;
  std::array<std::uint8_t, 16> bytes{};  // the first four for family 4

  [[nodiscard]] bool IsLoopback() const;
  [[nodiscard]] bool IsAny() const;  // 0.0.0.0 or ::
  bool operator==(const Address&) const = default;
};

/// As system calls take it.
class SocketAddress {
 public:
  explicit SocketAddress(const Address& address);
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const { return size_; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// Nothing for other families.
std::optional<Address> AddressIn(const sockaddr_storage& storage);

/// getsockname().
std::optional<Address> LocalAddressOf(int socket);

/// What the client of a captured connection wanted: its own address, or with Capture::kRedirect
/// what the kernel remembers of it (SO_ORIGINAL_DST, linux/netfilter_ipv4.h). Nothing: nobody
/// knows, and so it is nobody.
std::optional<Address> TargetOf(int socket, policy::Capture capture);

/// Whether it accepts connections.
bool IsListener(int socket);

}  // namespace ambit::egress
