#include "egress/upstream.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/dial.h"
#include "egress/loopback_for_test.h"

namespace ambit::egress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What DialAny says, and the patience's client that may go meanwhile.
struct Dialling {
  explicit Dialling(std::uint16_t port) {
    patience = Patience::Of(loop, ends.server.get());
    asio::co_spawn(loop.get_executor(), Dial(port), asio::detached);
  }
  Task<> Dial(std::uint16_t port) {
    result = co_await DialAny(loop, out, {kLoopbackV4}, port, *patience);
    patience->End();
  }

  asio::io_context loop;
  Descriptor out{loop};
  Ends ends = Connected();
  std::shared_ptr<Patience> patience;
  std::optional<int> result;
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
  Dialling dialling(full.address.port);
  dialling.loop.run_for(milliseconds(150));
  EXPECT_FALSE(dialling.result) << "it must wait, or this shows nothing";
  CloseByReset(dialling.ends.client);
  const auto gone = steady_clock::now();
  dialling.loop.run();
  EXPECT_EQ(dialling.result, ECANCELED);
  EXPECT_LT(steady_clock::now() - gone, std::chrono::seconds(5)) << "an attempt lasts 10 seconds";
  EXPECT_FALSE(dialling.out.is_open());
}

}  // namespace
}  // namespace ambit::egress
