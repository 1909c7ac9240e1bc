// What the sockets of a connection are set to, in a relay of the test's own process, where both of
// them can be asked.
#include "egress/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "egress/loopback_for_test.h"
#include "policy/private_names.h"
#include "spawn/native/network.h"
#include "sys/fd_passing.h"
#include "sys/new_network_for_test.h"

namespace ambit::egress {
namespace {

struct Options {
  int on = 0;
  int idle_seconds = 0;
  int interval_seconds = 0;
  int probes = 0;
  int urgent_in_place = 0;
  int most_unsent = 0;
  int longest_unsent_ms = 0;
  bool operator==(const Options&) const = default;
};

/// As docs/network.md promises: 60 + 6 * 20 seconds are three minutes.
constexpr Options kAccepted{.on = 1,
                            .idle_seconds = 60,
                            .interval_seconds = 20,
                            .probes = 6,
                            .urgent_in_place = 1,
                            .most_unsent = 256 << 10};

/// The far end may outlive the run.
constexpr Options Dialled() {
  Options options = kAccepted;
  options.longest_unsent_ms = 600'000;
  return options;
}

Options OptionsOf(int socket) {
  const auto ask = [&](int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(socket, level, option, &value, &size), 0) << strerror(errno);
    return value;
  };
  return {.on = ask(SOL_SOCKET, SO_KEEPALIVE),
          .idle_seconds = ask(IPPROTO_TCP, TCP_KEEPIDLE),
          .interval_seconds = ask(IPPROTO_TCP, TCP_KEEPINTVL),
          .probes = ask(IPPROTO_TCP, TCP_KEEPCNT),
          .urgent_in_place = ask(SOL_SOCKET, SO_OOBINLINE),
          .most_unsent = ask(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
          .longest_unsent_ms = ask(IPPROTO_TCP, TCP_USER_TIMEOUT)};
}

std::optional<Address> PeerOf(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return AddressIn(storage);
}

/// The socket of this process that `end` is connected to, or -1.
int OtherEndOf(int end) {
  constexpr int kMostFiles = 256;
  const auto own = LocalAddressOf(end);
  const auto peer = PeerOf(end);
  for (int socket = 0; socket < kMostFiles && own && peer; ++socket) {
    if (LocalAddressOf(socket) == peer && PeerOf(socket) == own) return socket;
  }
  return -1;
}

/// A relay between programs of the test; needs a network namespace of its own.
class OwnRelay {
 public:
  explicit OwnRelay(policy::NetRules rules = {}) : rules_(std::move(rules)) {}

  Relay& relay() { return relay_; }
  NameTable& names() { return table_; }

  void RunUntil(ReportKind kind) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      loop_.run_for(std::chrono::milliseconds(1));
      std::array<std::byte, sizeof(EgressReport)> message{};
      const ssize_t got = ::recv(ends_.first.get(), message.data(), message.size(), MSG_DONTWAIT);
      if (got <= 0) continue;
      const auto report = DecodeReport(std::span(message).first(static_cast<std::size_t>(got)));
      if (report && report->kind == kind) return;
    }
    ADD_FAILURE() << "no report " << static_cast<int>(kind);
  }

 private:
  asio::io_context loop_{1};
  sys::SeqpacketPair ends_ = *sys::MakeSeqpacketPair();
  Descriptor control_{loop_, std::move(ends_.second).Release()};
  Reporter reporter_{control_};
  policy::NetRules rules_;
  NameTable table_{NameTable::RandomNetwork()};
  Upstream upstream_{
      loop_, rules_, {.resolver = *Resolver::Make(""), .own = {}, .proxy = std::nullopt}};
  Repeats repeats_{loop_, reporter_};
  Relay relay_{loop_, reporter_, repeats_, RelayLimits(),
               Names{.table = table_, .upstream = upstream_}};
};

/// Connects to `to`, which the relay carries to `server`.
void ExpectCareOnBothSides(OwnRelay& relay, const Address& to, const Fd& server) {
  Fd client = ConnectTo(to);
  ASSERT_TRUE(client);
  relay.RunUntil(ReportKind::kOpened);
  Fd served(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(served);
  for (const int end : {client.get(), served.get()}) {
    EXPECT_EQ(OptionsOf(end).on, 0) << "nobody has asked for it here";
    const int of_relay = OtherEndOf(end);
    ASSERT_GE(of_relay, 0);
    EXPECT_EQ(OptionsOf(of_relay), end == client.get() ? kAccepted : Dialled());
  }
  client.Reset();
  served.Reset();
  relay.RunUntil(ReportKind::kClosed);
}

Fd WithoutWaiting(Fd socket) {
  EXPECT_EQ(::fcntl(socket.get(), F_SETFL, O_NONBLOCK), 0);
  return socket;
}

/// Egress listens on every address of a port (Capture::kPorts): the one test in which both it and
/// the far side can be in one namespace.
TEST(Connection, ToANameFindsPeersThatAreGoneOnBothSides) {
  sys::InNewNetwork([] {
    ASSERT_TRUE(spawn::BuildNetwork({}, -1));
    std::uint16_t port = 0;
    const Fd server = ListenOnLoopback(AF_INET6, port);
    Address everywhere{.family = 4, .port = port};
    std::vector<Fd> listeners;
    listeners.push_back(WithoutWaiting(ListenAt(everywhere)));
    policy::NetRules rules;
    rules.allow.push_back(*policy::ParseNetRule("far.example:" + std::to_string(port), "--allow"));
    rules.private_names.push_back(*policy::ParsePrivateName("far.example=::1", "--private"));
    OwnRelay relay(rules);
    ASSERT_TRUE(relay.relay().Serve(std::move(listeners),
                                    {.rules = rules, .capture = policy::Capture::kPorts}));
    Address name{.family = 4, .port = port};
    const auto addresses = relay.names().AddressesOf(*HostName::Parse("far.example"));
    ASSERT_TRUE(addresses);
    std::ranges::copy(addresses->v4, name.bytes.begin());
    ExpectCareOnBothSides(relay, name, server);
  });
}

TEST(Connection, ToAHostPortFindsPeersThatAreGoneOnBothSides) {
  sys::InNewNetwork([] {
    ASSERT_TRUE(spawn::BuildNetwork({}, -1));
    // Egress tries 127.0.0.1 first, so that it does not meet its own listener.
    std::uint16_t port = 0;
    const Fd server = ListenOnLoopback(AF_INET, port);
    std::vector<Fd> listeners;
    listeners.push_back(WithoutWaiting(ListenOnLoopback(AF_INET6, port)));
    OwnRelay relay;
    ASSERT_TRUE(relay.relay().Serve(std::move(listeners), {.host_ports = {port}}));
    ExpectCareOnBothSides(relay, LoopbackOf(AF_INET6, port), server);
  });
}

TEST(Connection, ToAPublishedPortFindsPeersThatAreGoneOnBothSides) {
  sys::InNewNetwork([] {
    auto sockets = spawn::BuildNetwork({}, -1);
    ASSERT_TRUE(sockets);
    std::uint16_t inside = 0;
    const Fd server = ListenOnLoopback(AF_INET, inside);
    std::uint16_t host = 0;
    Fd listener = WithoutWaiting(ListenOnLoopback(AF_INET, host));
    OwnRelay relay;
    ASSERT_TRUE(relay.relay().Serve(std::move(sockets->mint), {}));
    ASSERT_TRUE(relay.relay().Publish(std::move(listener), {.host = host, .inside = inside}));
    ExpectCareOnBothSides(relay, LoopbackOf(AF_INET, host), server);
  });
}

}  // namespace
}  // namespace ambit::egress
