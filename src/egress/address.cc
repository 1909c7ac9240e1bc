#include "egress/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace ambit::egress {

bool Address::IsLoopback() const {
  if (family == 4) return bytes[0] == 127;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         bytes.back() == 1;
}

bool Address::IsAny() const {
  return family != 0 && std::ranges::all_of(bytes, [](std::uint8_t b) { return b == 0; });
}

SocketAddress::SocketAddress(const Address& address) {
  if (address.family == 4) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), sizeof v4.sin_addr);
    std::memcpy(&storage_, &v4, sizeof v4);
    size_ = sizeof v4;
  } else if (address.family == 6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&storage_, &v6, sizeof v6);
    size_ = sizeof v6;
  }
}

std::optional<Address> LocalAddressOf(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return AddressIn(storage);
}

std::optional<Address> TargetOf(int socket, policy::Capture capture) {
  // linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h: the same number in both families.
  constexpr int kOriginalDestination = 80;
  const auto local = LocalAddressOf(socket);
  if (capture != policy::Capture::kRedirect || !local) return local;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  const int level = local->family == 6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (::getsockopt(socket, level, kOriginalDestination, &storage, &size) != 0) return std::nullopt;
  return AddressIn(storage);
}

std::optional<Address> AddressIn(const sockaddr_storage& storage) {
  Address address;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &storage, sizeof v4);
    address.family = 4;
    address.port = ntohs(v4.sin_port);
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return address;
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &storage, sizeof v6);
    address.family = 6;
    address.port = ntohs(v6.sin6_port);
    std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
    return address;
  }
  return std::nullopt;
}

bool IsListener(int socket) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
}

}  // namespace ambit::egress
