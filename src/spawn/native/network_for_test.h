#pragma once
// Test support: what programs inside see of a network that BuildNetwork has built, and what the
// kernel says to whoever would change it.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>

#include "spawn/native/network.h"
#include "sys/fd_passing.h"
#include "sys/new_network_for_test.h"

namespace ambit::spawn {

// linux/netfilter.h, which cannot be included beside netinet/in.h.
inline constexpr std::uint8_t kNfprotoInet = 1;

using std::chrono::steady_clock;
using sys::DropCapabilities;
using sys::InNewNetwork;

/// An address and port of either family.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

inline Endpoint At(const char* ip, std::uint16_t port) {
  Endpoint endpoint;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET, ip, &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&endpoint.storage, &v4, sizeof v4);
    endpoint.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&endpoint.storage, &v6, sizeof v6);
    endpoint.size = sizeof v6;
  }
  return endpoint;
}

inline std::string Shown(const Endpoint& endpoint) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (endpoint.family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &endpoint.storage, sizeof v4);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &endpoint.storage, sizeof v6);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
}

inline Endpoint LocalEndOf(int socket) {
  Endpoint endpoint;
  endpoint.size = sizeof endpoint.storage;
  EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&endpoint.storage), &endpoint.size),
            0);
  return endpoint;
}

inline std::uint16_t PortOf(const Endpoint& endpoint) {
  sockaddr_in any{};  // the port is at the same place in both families
  std::memcpy(&any, &endpoint.storage, sizeof any);
  return ntohs(any.sin_port);
}

struct Attempt {
  Fd socket;
  int error = 0;
  std::chrono::microseconds took{};
};

inline Attempt Connect(const Endpoint& to, int type = SOCK_STREAM) {
  Attempt attempt;
  attempt.socket = Fd(::socket(to.family(), type | SOCK_CLOEXEC, 0));
  const auto start = steady_clock::now();
  if (::connect(attempt.socket.get(), to.get(), to.size) != 0) attempt.error = errno;
  attempt.took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - start);
  return attempt;
}

inline void ExpectRefusedAtOnce(const char* ip, std::uint16_t port) {
  const Attempt attempt = Connect(At(ip, port));
  EXPECT_EQ(attempt.error, ECONNREFUSED) << ip << " port " << port;
  EXPECT_LT(attempt.took, std::chrono::milliseconds(100)) << ip << " port " << port;
}

inline Fd ListenAt(const Endpoint& where) {
  Fd listener(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::bind(listener.get(), where.get(), where.size) != 0) return {};
  if (::listen(listener.get(), 8) != 0) return {};
  return listener;
}

inline Fd AcceptWithin(int listener, std::chrono::milliseconds limit) {
  pollfd waiting{.fd = listener, .events = POLLIN, .revents = 0};
  if (::poll(&waiting, 1, static_cast<int>(limit.count())) != 1) return {};
  return Fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

/// Runs `body` in a fresh namespace on which BuildNetwork has done its work.
inline void InBuiltNetwork(const plan::NetworkPlan& plan,
                           const std::function<void(const NetworkSockets&)>& body) {
  InNewNetwork([&] {
    const auto sockets = BuildNetwork(plan, -1);
    ASSERT_TRUE(sockets) << sockets.error().what;
    body(*sockets);
  });
}

template <class Write>
int ErrnoOfNft(std::uint16_t message, std::uint16_t flags, Write write) {
  sys::NetlinkBatch batch;
  const nfgenmsg marker{
      .nfgen_family = AF_UNSPEC, .version = 0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  const nfgenmsg header{.nfgen_family = kNfprotoInet, .version = 0, .res_id = 0};
  batch.Begin("begin", NFNL_MSG_BATCH_BEGIN, 0, marker);
  batch.Begin("change", static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message),
              static_cast<std::uint16_t>(flags | NLM_F_ACK), header);
  write(batch);
  batch.Begin("end", NFNL_MSG_BATCH_END, 0, marker);
  const auto socket = sys::OpenNetlink(NETLINK_NETFILTER);
  if (!socket) return socket.error().sys_errno;
  const auto sent = sys::SendBatch(socket->get(), batch);
  return sent ? 0 : sent.error().sys_errno;
}

inline int AllowPort(std::uint16_t port) {
  return ErrnoOfNft(NFT_MSG_NEWSETELEM, NLM_F_CREATE, [port](sys::NetlinkBatch& batch) {
    batch.PutText(NFTA_SET_ELEM_LIST_TABLE, plan::kNftTable);
    batch.PutText(NFTA_SET_ELEM_LIST_SET, plan::kNftPortSet);
    batch.Nested(NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      batch.Nested(NFTA_LIST_ELEM, [&] {
        batch.Nested(NFTA_SET_ELEM_KEY, [&] { batch.PutNetwork(NFTA_DATA_VALUE, port); });
      });
    });
  });
}

inline int DeleteTable() {
  return ErrnoOfNft(NFT_MSG_DELTABLE, 0, [](sys::NetlinkBatch& batch) {
    batch.PutText(NFTA_TABLE_NAME, plan::kNftTable);
  });
}

inline void ExpectCaptured(int listener, const char* ip) {
  const Attempt attempt = Connect(At(ip, 443));
  EXPECT_EQ(attempt.error, 0) << ip;
  const Fd accepted = AcceptWithin(listener, std::chrono::seconds(2));
  ASSERT_TRUE(accepted) << ip;
  EXPECT_EQ(Shown(LocalEndOf(accepted.get())), Shown(At(ip, 443)));
}

struct Ping {
  int family;
  int protocol;
  std::uint8_t request;
  std::uint8_t reply;
};
inline constexpr Ping kPingV4 = {AF_INET, IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY};
inline constexpr Ping kPingV6 = {AF_INET6, IPPROTO_ICMPV6, 128, 129};

inline bool Answers(const Ping& ping, const char* ip, std::chrono::milliseconds limit) {
  const Fd socket(::socket(ping.family, SOCK_RAW | SOCK_CLOEXEC, ping.protocol));
  EXPECT_TRUE(socket) << strerror(errno);
  icmphdr request{};
  request.type = ping.request;
  if (ping.family == AF_INET) request.checksum = static_cast<std::uint16_t>(~htons(ICMP_ECHO << 8));
  const Endpoint to = At(ip, 0);
  EXPECT_EQ(::sendto(socket.get(), &request, sizeof request, 0, to.get(), to.size),
            static_cast<ssize_t>(sizeof request))
      << ip << ": " << strerror(errno);
  const auto deadline = steady_clock::now() + limit;
  while (steady_clock::now() < deadline) {
    pollfd waiting{.fd = socket.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 20) != 1) continue;
    std::array<std::uint8_t, 256> packet{};
    const ssize_t got = ::recv(socket.get(), packet.data(), packet.size(), 0);
    const std::size_t offset = ping.family == AF_INET ? 20 : 0;
    if (got > static_cast<ssize_t>(offset) && packet[offset] == ping.reply) return true;
  }
  return false;
}

}  // namespace ambit::spawn
