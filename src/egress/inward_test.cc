// Published ports: a program of the host reaches a server inside, through a real egress process and
// a real network namespace.
#include "egress/inward.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/egress_for_test.h"
#include "egress/mint.h"
#include "egress/order.h"

namespace ambit::egress {
namespace {

constexpr std::uint16_t kInside = 3000;

/// A listener of the host for a published port, and where it is.
struct HostListener {
  std::uint16_t port = 0;
  Fd socket;
};
HostListener ListenOnHost() {
  HostListener listener;
  listener.socket = ListenOnLoopback(AF_INET, listener.port);
  ::fcntl(listener.socket.get(), F_SETFL, O_NONBLOCK);
  return listener;
}

PublishedListener PublishedBy(HostListener& listener, std::uint16_t inside = kInside) {
  return {.socket = Fd(::fcntl(listener.socket.get(), F_DUPFD_CLOEXEC, 3)),
          .port = {.host = listener.port, .inside = inside}};
}

std::vector<PublishedListener> Only(PublishedListener listener) {
  std::vector<PublishedListener> all;
  all.push_back(std::move(listener));
  return all;
}

/// A server inside; in a process of the namespace that `body` runs in.
ChildProcess EchoInside(Address address = LoopbackOf(AF_INET)) {
  address.port = kInside;
  return ServeEach(ListenAt(address), Echo);
}

/// Runs `inside` in the run's namespace, and `outside` on the host once it says that it is ready.
template <class Inside, class Outside>
void BothSides(RunningEgress& egress, Inside inside, Outside outside) {
  auto turns = sys::MakeSeqpacketPair();
  ASSERT_TRUE(turns);
  const int inside_end = turns->first.get();
  const int outside_end = turns->second.get();
  ChildProcess host = Forked([&] {
    char byte = 0;
    ASSERT_EQ(::recv(outside_end, &byte, 1, 0), 1);
    outside();
    ASSERT_EQ(::send(outside_end, "x", 1, 0), 1);
  });
  egress.Inside([&] {
    inside([&] {
      ASSERT_EQ(::send(inside_end, "x", 1, 0), 1);
      char byte = 0;
      ASSERT_EQ(::recv(inside_end, &byte, 1, 0), 1);
    });
  });
  EXPECT_EQ(host.EndsWithin(std::chrono::seconds(60)), 0) << "failed on the host, see above";
}

TEST(Inward, AServerInsideIsReachedWhereverItListens) {
  for (const Address& where : {LoopbackOf(AF_INET), Address{.family = 4}, LoopbackOf(AF_INET6)}) {
    HostListener listener = ListenOnHost();
    RunningEgress egress({}, Only(PublishedBy(listener)));
    BothSides(
        egress,
        [&](const auto& wait) {
          const ChildProcess server = EchoInside(where);
          wait();
        },
        [&] { EXPECT_EQ(AskAndReadAll(AF_INET, listener.port, "hello"), "hello"); });
    const auto opened = egress.Next(ReportKind::kOpened);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->published, listener.port);
    EXPECT_EQ(opened->port, kInside);
    const auto closed = egress.Next(ReportKind::kClosed);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->error, 0);
    EXPECT_EQ(closed->bytes_to_host, 5U);
    EXPECT_EQ(closed->bytes_from_host, 5U);
  }
}

TEST(Inward, AClientThatHasGoneLeavesTheQueueOfAServerInside) {
  HostListener listener = ListenOnHost();
  RunningEgress egress({}, Only(PublishedBy(listener)));
  BothSides(
      egress,
      [&](const auto& wait) {
        const FullPort full(kInside);
        wait();
        const auto failed = egress.Next(ReportKind::kUpstreamFailed);
        ASSERT_TRUE(failed) << "the kernel tries for two minutes";
        EXPECT_EQ(failed->error, ECANCELED);
      },
      [&] {
        Fd socket = ConnectLoopback(AF_INET, listener.port);
        ASSERT_TRUE(socket);
        CloseByReset(socket);
      });
}

TEST(Inward, NobodyInsideIsAReset) {
  HostListener listener = ListenOnHost();
  RunningEgress egress({}, Only(PublishedBy(listener)));
  BothSides(
      egress, [](const auto& wait) { wait(); },
      [&] {
        const auto start = steady_clock::now();
        const std::string answer = AskAndReadAll(AF_INET, listener.port, "hello");
        EXPECT_TRUE(answer == "!" + std::to_string(ECONNRESET) || answer == "send") << answer;
        EXPECT_LT(steady_clock::now() - start, milliseconds(500));
      });
  const auto failed = egress.Next(ReportKind::kUpstreamFailed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->error, ECONNREFUSED);
  EXPECT_EQ(failed->published, listener.port);
}

void ExpectTwoHundredAtOnce(std::uint16_t port) {
  std::vector<Fd> sockets;
  for (int i = 0; i < 200; ++i) {
    sockets.push_back(ConnectLoopback(AF_INET, port));
    ASSERT_TRUE(sockets.back()) << i << ": " << strerror(errno);
  }
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const std::string text = "number " + std::to_string(i);
    ASSERT_EQ(::send(sockets[i].get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    ::shutdown(sockets[i].get(), SHUT_WR);
  }
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    EXPECT_EQ(ReadAll(sockets[i].get()), "number " + std::to_string(i));
  }
}

TEST(Inward, TwoHundredAreServedAtOnce) {
  HostListener listener = ListenOnHost();
  RunningEgress egress({}, Only(PublishedBy(listener)));
  BothSides(
      egress,
      [](const auto& wait) {
        const ChildProcess server = EchoInside();
        wait();
      },
      [&] { ExpectTwoHundredAtOnce(listener.port); });
}

/// Connects to the mint's listener over and over, as a program inside can try.
void FloodTheMint() {
  const SocketAddress mint(LoopbackOf(AF_INET, plan::kMintPort));
  std::vector<Fd> sockets;
  for (;;) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    (void)::connect(socket.get(), mint.get(), mint.size());
    sockets.push_back(std::move(socket));
    if (sockets.size() > 200) sockets.clear();
  }
}

TEST(Inward, WhoeverFloodsTheMintInsideDisturbsNobody) {
  HostListener listener = ListenOnHost();
  RunningEgress egress({}, Only(PublishedBy(listener)));
  BothSides(
      egress,
      [](const auto& wait) {
        const ChildProcess server = EchoInside();
        std::array<ChildProcess, 4> attackers;
        for (ChildProcess& one : attackers) one = Forked([] { FloodTheMint(); });
        wait();
      },
      [&] {
        const auto start = steady_clock::now();
        ExpectTwoHundredAtOnce(listener.port);
        EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(10));
      });
}

/// A listener as init makes it, but for whom its filter lets in.
Fd ListenWithFilter(std::uint32_t lets_in, std::uint16_t& port) {
  Fd listener = ListenOnLoopback(AF_INET, port);
  ::fcntl(listener.get(), F_SETFL, O_NONBLOCK);
  sock_filter all = BPF_STMT(BPF_RET | BPF_K, lets_in);
  const sock_fprog filter{.len = 1, .filter = &all};
  EXPECT_EQ(::setsockopt(listener.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
  return listener;
}
constexpr std::uint32_t kNobody = 0;
constexpr std::uint32_t kEverybody = UINT32_MAX;

Fd MakeConnector() { return Fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

/// `body` with the capabilities that init has over a network of its own: a listener may need them
/// to get a filter.
template <class Body>
void WithInitsRights(Body body) {
  ChildProcess inside = Forked([&] {
    ASSERT_TRUE(sys::EnterNewNetwork());
    ASSERT_TRUE(spawn::BuildNetwork({}, -1));
    body();
  });
  EXPECT_EQ(inside.EndsWithin(std::chrono::seconds(30)), 0) << "failed inside, see above";
}

/// Where the filter does not keep them away, strangers get into the listener's queue.
void MintBesideStrangers() {
  std::uint16_t port = 0;
  Fd listener = ListenWithFilter(kEverybody, port);
  std::vector<Fd> strangers;
  for (int i = 0; i < 100; ++i) {
    strangers.push_back(ConnectLoopback(AF_INET, port));
    ASSERT_TRUE(strangers.back());
  }
  std::uint16_t server_port = 0;
  const Fd server = ListenOnLoopback(AF_INET, server_port);
  asio::io_context loop{1};
  Mint mint(loop, std::move(listener), MakeConnector());
  int connected = 0;
  const auto connect_one = [&]() -> Task<> {
    const auto socket = co_await mint.Make();
    if (!socket) {
      ADD_FAILURE() << socket.error().what;
      co_return;
    }
    const SocketAddress to(*LocalAddressOf(server.get()));
    const int failed = ::connect(socket->get(), to.get(), to.size());
    EXPECT_TRUE(failed == 0 || errno == EINPROGRESS) << strerror(errno);
    ++connected;
  };
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(loop.get_executor(), connect_one(), asio::detached);
  }
  loop.run();
  EXPECT_EQ(connected, 3);
  for (const Fd& stranger : strangers) EXPECT_EQ(ReadAll(stranger.get()), "");
}

TEST(Mint, DropsWhoIsNotItsConnector) { WithInitsRights(MintBesideStrangers); }

void MintInVain() {
  std::uint16_t port = 0;
  Fd listener = ListenWithFilter(kNobody, port);
  asio::io_context loop{1};
  Mint mint(loop, std::move(listener), MakeConnector());
  int failed = 0;
  const auto make = [&]() -> Task<> {
    const auto socket = co_await mint.Make();
    if (!socket && socket.error().sys_errno == ETIMEDOUT) ++failed;
  };
  for (int i = 0; i < 2; ++i) asio::co_spawn(loop.get_executor(), make(), asio::detached);
  loop.run();
  EXPECT_EQ(failed, 2);
}

TEST(Mint, GivesUpWhenTheKernelDoesNotConnectThem) { WithInitsRights(MintInVain); }

TEST(Inward, APortIsPublishedWhileTheRunGoesOn) {
  HostListener listener = ListenOnHost();
  RunningEgress egress({});
  BothSides(
      egress,
      [](const auto& wait) {
        const ChildProcess server = EchoInside();
        wait();
      },
      [&] {
        const Order order{.kind = OrderKind::kPublish,
                          .published = {.host = listener.port, .inside = kInside}};
        const std::array fds = {listener.socket.get()};
        ASSERT_TRUE(SendOrder(egress.control().get(), order, fds));
        EXPECT_EQ(AskAndReadAll(AF_INET, listener.port, "later"), "later");
      });
  ASSERT_TRUE(egress.Next(ReportKind::kOpened));
}

TEST(Inward, AnOrderThatNobodyUnderstandsEndsEgress) {
  RunningEgress egress({});
  egress.Inside([] {});
  ASSERT_TRUE(egress.Next(ReportKind::kReady));
  constexpr std::array kNonsense = {std::byte{7}};
  ASSERT_TRUE(sys::SendFds(egress.control().get(), kNonsense, {}));
  const auto failed = egress.Next(ReportKind::kFailed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->stage, Stage::kOrder);
}

}  // namespace
}  // namespace ambit::egress
