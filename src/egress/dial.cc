#include "egress/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/fd.h"

namespace ambit::egress {
namespace {

bool IsV4(const policy::AddressBytes& address) {
  return std::equal(kLoopbackV4.begin(), kLoopbackV4.begin() + 12, address.begin());
}

int StartConnect(int socket, const policy::AddressBytes& address, std::uint16_t port) {
  int rc = -1;
  if (IsV4(address)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.data() + 12, sizeof v4.sin_addr);
    rc = ::connect(socket, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.data(), sizeof v6.sin6_addr);
    rc = ::connect(socket, reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return rc == 0 ? 0 : errno;
}

/// Within one machine the other side has answered by now, and nothing has to be waited for.
bool Stands(int socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

}  // namespace

Task<int> Dial(Descriptor& out, const policy::AddressBytes& address, std::uint16_t port) {
  Fd socket(::socket(IsV4(address) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                     IPPROTO_TCP));
  if (!socket) co_return errno;
  co_return co_await Connect(out, std::move(socket), address, port);
}

Task<int> Connect(Descriptor& out, Fd socket, const policy::AddressBytes& address,
                  std::uint16_t port) {
  int error = StartConnect(socket.get(), address, port);
  if (error != 0 && error != EINPROGRESS) co_return error;

  boost::system::error_code assigned;
  const int raw = std::move(socket).Release();
  out.assign(raw, assigned);
  if (assigned) {
    ::close(raw);
    co_return assigned.value();
  }
  if (error == EINPROGRESS && Stands(raw)) co_return 0;
  if (error == EINPROGRESS) {
    if (co_await Ready(out, Descriptor::wait_write)) co_return ECANCELED;
    socklen_t size = sizeof error;
    if (::getsockopt(out.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  if (error != 0) out.close(assigned);
  co_return error;
}

Task<int> DialLoopback(Descriptor& out, std::uint16_t port, Patience& patience) {
  if (patience.over()) co_return ECANCELED;
  patience.WakeBy(Closing(out));
  int failed = co_await Dial(out, kLoopbackV4, port);
  if (failed != 0 && !patience.over()) {
    const int v6 = co_await Dial(out, kLoopbackV6, port);
    // A host without IPv6 says nothing about the port.
    if (v6 != EAFNOSUPPORT && v6 != EADDRNOTAVAIL) failed = v6;
  }
  patience.WakeBy({});
  co_return failed != 0 && patience.over() ? ECANCELED : failed;
}

std::function<void()> Closing(Descriptor& out) {
  return [&out] {
    boost::system::error_code ignored;
    out.close(ignored);
  };
}

}  // namespace ambit::egress
