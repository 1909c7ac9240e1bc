#include "supervise/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "egress/address.h"
#include "egress/egress.h"
#include "egress/order.h"
#include "sys/fd_passing.h"

namespace ambit::supervise {
namespace {

using egress::Address;
using policy::PublishedPort;

constexpr int kBacklog = 512;

/// Where any free port was asked for one of IPv4 may not be free in IPv6.
constexpr int kMostTries = 16;

Address Loopback(std::uint8_t family, std::uint16_t port) {
  Address address{.family = family, .port = port};
  if (family == 4) {
    address.bytes = {127, 0, 0, 1};
  } else {
    address.bytes.back() = 1;
  }
  return address;
}

/// 0 with a listener in `out`, else an errno.
int TryToListen(const Address& at, Fd& out) {
  const int family = at.family == 4 ? AF_INET : AF_INET6;
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!socket) return errno;
  // Connections of a run before may still be in TIME_WAIT; what listens is in the way all the same.
  const int on = 1;
  const egress::SocketAddress address(at);
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (family == AF_INET6 &&
       ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      ::bind(socket.get(), address.get(), address.size()) != 0 ||
      ::listen(socket.get(), kBacklog) != 0) {
    return errno;
  }
  out = std::move(socket);
  return 0;
}

bool HasNoIpv6(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL; }

std::unexpected<Error> CannotListen(const PublishedPort& port, int error) {
  const std::string what = fmt::format("--publish '{}' (net.publish)", policy::TextOf(port));
  const std::string other = fmt::format("--publish 0:{}", port.inside);
  if (error == EADDRINUSE) {
    return Fail(
        Errc::kLimit, fmt::format("{}: port {} of this machine is in use", what, port.host),
        fmt::format("end what listens there ('ss -ltnp' names it), or publish another port: "
                    "{} takes one that is free",
                    other));
  }
  if (error == EACCES) {
    return Fail(
        Errc::kDenied,
        fmt::format("{}: port {} of this machine is not yours to listen on", what, port.host),
        fmt::format("publish a port from 1024 on, as {}:{}",
                    port.host < 1000 ? port.host + 8000 : 8080, port.inside));
  }
  return FailErrno(error, fmt::format("{}: listen on port {}", what, port.host));
}

/// Both families of one port. An errno that is EADDRINUSE may be of another number.
int TryBoth(const PublishedPort& wanted, std::vector<egress::PublishedListener>& listeners) {
  Fd v4;
  if (const int failed = TryToListen(Loopback(4, wanted.host), v4); failed != 0) return failed;
  const auto bound = egress::LocalAddressOf(v4.get());
  if (!bound) return errno;
  const PublishedPort port{.host = bound->port, .inside = wanted.inside};
  Fd v6;
  const int failed = TryToListen(Loopback(6, port.host), v6);
  if (failed != 0 && !HasNoIpv6(failed)) return failed;
  listeners.push_back({.socket = std::move(v4), .port = port});
  if (v6) listeners.push_back({.socket = std::move(v6), .port = port});
  return 0;
}

}  // namespace

Result<std::vector<egress::PublishedListener>> ListenFor(std::span<const PublishedPort> ports) {
  std::vector<egress::PublishedListener> listeners;
  for (const PublishedPort& port : ports) {
    int failed = TryBoth(port, listeners);
    for (int i = 1; failed == EADDRINUSE && port.host == 0 && i < kMostTries; ++i) {
      failed = TryBoth(port, listeners);
    }
    if (failed != 0) return CannotListen(port, failed);
  }
  return listeners;
}

std::vector<PublishedPort> PortsOf(std::span<const egress::PublishedListener> listeners) {
  std::vector<PublishedPort> ports;
  for (const egress::PublishedListener& one : listeners) {
    if (std::ranges::find(ports, one.port) == ports.end()) ports.push_back(one.port);
  }
  return ports;
}

Status Publish(int egress_control, egress::PublishedListener listener) {
  const std::array fds = {listener.socket.get()};
  return egress::SendOrder(egress_control,
                           {.kind = egress::OrderKind::kPublish, .published = listener.port}, fds);
}

std::string TellOf(const PublishedPort& port) {
  return fmt::format("127.0.0.1:{} here is port {} of the run", port.host, port.inside);
}

event::Event ListeningOn(const PublishedPort& port) {
  return {event::kPublishListening,
          {{"host_port", std::int64_t{port.host}}, {"port", std::int64_t{port.inside}}}};
}

}  // namespace ambit::supervise
