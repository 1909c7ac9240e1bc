#include "egress/patience.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "egress/loopback_for_test.h"

namespace ambit::egress {
namespace {

using std::chrono::milliseconds;

TEST(Patience, IsOverWhenTheClientHasReset) {
  Ends ends = Connected();
  asio::io_context loop;
  const auto patience = Patience::Of(loop, ends.server.get());
  bool woken = false;
  patience->WakeBy([&] { woken = true; });
  CloseByReset(ends.client);
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
