#include "egress/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace ambit::egress {
namespace {

int StartConnect(int socket, int family, std::uint16_t port) {
  int rc = -1;
  if (family == AF_INET) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rc = ::connect(socket, reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    rc = ::connect(socket, reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return rc == 0 ? 0 : errno;
}

Task<int> Dial(Descriptor& out, int family, std::uint16_t port) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!socket) co_return errno;
  int error = StartConnect(socket.get(), family, port);
  if (error != 0 && error != EINPROGRESS) co_return error;

  boost::system::error_code assigned;
  const int raw = std::move(socket).Release();
  out.assign(raw, assigned);
  if (assigned) {
    ::close(raw);
    co_return assigned.value();
  }
  if (error == EINPROGRESS) {
    if (co_await Ready(out, Descriptor::wait_write)) co_return ECANCELED;
    socklen_t size = sizeof error;
    if (::getsockopt(out.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  }
  if (error != 0) out.close(assigned);
  co_return error;
}

}  // namespace

Task<int> DialLoopback(Descriptor& out, std::uint16_t port) {
  const int v4 = co_await Dial(out, AF_INET, port);
  if (v4 == 0) co_return 0;
  const int v6 = co_await Dial(out, AF_INET6, port);
  // A host without IPv6 says nothing about the port.
  co_return v6 == EAFNOSUPPORT || v6 == EADDRNOTAVAIL ? v4 : v6;
}

}  // namespace ambit::egress
