#include "egress/upstream.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/fd.h"
#include "egress/egress_for_test.h"

namespace ambit::egress {
namespace {

const policy::AddressBytes kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1};

/// What DialAny says, and the patience's client that may go meanwhile.
struct Dialling {
  explicit Dialling(std::uint16_t port) {
    std::uint16_t client_port = 0;
    const Fd listener = ListenOnLoopback(AF_INET, client_port);
    client = ConnectLoopback(AF_INET, client_port);
    accepted = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    patience = Patience::Of(loop, accepted.get());
    asio::co_spawn(loop.get_executor(), Dial(port), asio::detached);
  }
  Task<> Dial(std::uint16_t port) {
    result = co_await DialAny(loop, out, {kLoopback}, port, *patience);
    patience->End();
  }

  asio::io_context loop;
  Descriptor out{loop};
  Fd client;
  Fd accepted;
  std::shared_ptr<Patience> patience;
  std::optional<int> result;
};

/// A port of the loopback that lets nobody in and refuses nobody: its queue is full.
struct FullPort {
  FullPort() {
    listener = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), plain, size), 0);
    EXPECT_EQ(::listen(listener.get(), 0), 0);
    EXPECT_EQ(::getsockname(listener.get(), plain, &size), 0);
    port = ntohs(address.sin_port);
    for (int n = 0; n < 4; ++n) {
      waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(waiting.back().get(), plain, size);
    }
  }
  Fd listener;
  std::vector<Fd> waiting;
  std::uint16_t port = 0;
};

TEST(Dial, ConnectsToWhoeverAnswers) {
  std::uint16_t port = 0;
  const Fd listener = ListenOnLoopback(AF_INET, port);
  Dialling dialling(port);
  dialling.loop.run();
  EXPECT_EQ(dialling.result, 0);
  EXPECT_TRUE(dialling.out.is_open());
}

TEST(Dial, StopsWhenTheClientHasGone) {
  const FullPort full;
  Dialling dialling(full.port);
  dialling.loop.run_for(milliseconds(150));
  EXPECT_FALSE(dialling.result) << "it must wait, or this shows nothing";
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(dialling.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
            0);
  dialling.client.Reset();
  const auto gone = steady_clock::now();
  dialling.loop.run();
  EXPECT_EQ(dialling.result, ECANCELED);
  EXPECT_LT(steady_clock::now() - gone, std::chrono::seconds(5)) << "an attempt lasts 10 seconds";
  EXPECT_FALSE(dialling.out.is_open());
}

}  // namespace
}  // namespace ambit::egress
