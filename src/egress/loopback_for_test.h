#pragma once
// Test support: TCP on the loopback of the calling process's network namespace.
#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "egress/address.h"

namespace ambit::egress {

/// 127.0.0.1 or ::1 of AF_INET or AF_INET6.
inline Address LoopbackOf(int family, std::uint16_t port = 0) {
  if (family == AF_INET) return {.family = 4, .port = port, .bytes = {127, 0, 0, 1}};
  Address address{.family = 6, .port = port};
  address.bytes.back() = 1;
  return address;
}

inline constexpr int kLongQueue = 512;

/// A listener at `address`; a port of 0 becomes the one that the kernel has chosen.
inline Fd ListenAt(Address& address, int queue = kLongQueue) {
  Fd listener(::socket(address.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress at(address);
  EXPECT_EQ(::bind(listener.get(), at.get(), at.size()), 0) << errno;
  EXPECT_EQ(::listen(listener.get(), queue), 0);
  address.port = LocalAddressOf(listener.get()).value_or(Address{}).port;
  return listener;
}

inline Fd ListenOnLoopback(int family, std::uint16_t& port) {
  Address address = LoopbackOf(family, port);
  Fd listener = ListenAt(address);
  port = address.port;
  return listener;
}

/// A connection that gives up reading after 20 seconds; on failure empty with errno.
inline Fd ConnectTo(const Address& address) {
  Fd socket(::socket(address.family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const SocketAddress to(address);
  if (::connect(socket.get(), to.get(), to.size()) != 0) return {};
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  return socket;
}

inline Fd ConnectLoopback(int family, std::uint16_t port) {
  return ConnectTo(LoopbackOf(family, port));
}

/// A connected socket and the one at its other end.
struct Ends {
  Fd client;
  Fd server;
};

inline Ends Connected() {
  Ends ends;
  std::uint16_t port = 0;
  const Fd listener = ListenOnLoopback(AF_INET, port);
  ends.client = ConnectLoopback(AF_INET, port);
  ends.server = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(ends.client && ends.server);
  return ends;
}

/// A port of the loopback that lets nobody in and refuses nobody: its queue is full.
struct FullPort {
  /// `port` 0: any.
  explicit FullPort(std::uint16_t port = 0) : address(LoopbackOf(AF_INET, port)) {
    const SocketAddress to(address);
    for (int n = 0; n < 4; ++n) {
      waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(waiting.back().get(), to.get(), to.size());
    }
  }
  Address address;
  Fd listener = ListenAt(address, 0);
  std::vector<Fd> waiting;
};

/// The other end hears a reset.
inline void CloseByReset(Fd& socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  socket.Reset();
}

/// Reads to the end of the stream; "!errno" behind what came when it broke instead.
inline std::string ReadAll(int socket) {
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t got = ::recv(socket, block.data(), block.size(), 0);
    if (got == 0) return text;
    if (got < 0) return text + "!" + std::to_string(errno);
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

/// The answer to `question` and an end, as ReadAll.
inline std::string AskAndReadAll(int family, std::uint16_t port, std::string_view question) {
  const Fd socket = ConnectLoopback(family, port);
  if (!socket) return "connect " + std::to_string(errno);
  if (::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) return "send";
  ::shutdown(socket.get(), SHUT_WR);
  return ReadAll(socket.get());
}

}  // namespace ambit::egress
