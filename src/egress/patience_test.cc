#include "egress/patience.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace ambit::egress {
namespace {

using std::chrono::milliseconds;

/// A connected socket of TCP and the one at its other end.
struct Ends {
  Fd client;
  Fd server;
};

Ends Connected() {
  Ends ends;
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener.get(), plain, size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), plain, &size), 0);
  ends.client = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(ends.client.get(), plain, size), 0);
  ends.server = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return ends;
}

TEST(Patience, IsOverWhenTheClientHasReset) {
  Ends ends = Connected();
  asio::io_context loop;
  const auto patience = Patience::Of(loop, ends.server.get());
  bool woken = false;
  patience->WakeBy([&] { woken = true; });
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(ends.client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  ends.client.Reset();
  loop.run();
  EXPECT_TRUE(patience->over());
  EXPECT_TRUE(woken);
  bool late = false;
  patience->WakeBy([&] { late = true; });
  EXPECT_TRUE(late) << "it comes too late to be woken, and has to know";
}

TEST(Patience, LastsWhileTheClientIsThereAndAWhileWhenItSendsNoMore) {
  Ends ends = Connected();
  asio::io_context loop;
  const auto patience = Patience::Of(loop, ends.server.get());
  loop.run_for(milliseconds(250));
  EXPECT_FALSE(patience->over());
  ASSERT_EQ(::shutdown(ends.client.get(), SHUT_WR), 0);
  loop.run_for(milliseconds(250));
  EXPECT_FALSE(patience->over()) << "it may wait for an answer";
  patience->End();
  loop.run();
  EXPECT_FALSE(patience->over());
}

}  // namespace
}  // namespace ambit::egress
