#include "egress/pipe_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace ambit::egress {
namespace {

TEST(PipePool, LendsNoMoreThanItsCap) {
  PipePool pool(2);
  const auto first = pool.Borrow();
  auto second = pool.Borrow();
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_FALSE(pool.Borrow());
  second.reset();
  EXPECT_TRUE(pool.Borrow());
}

TEST(PipePool, LendsTheSamePipeAgainAndMakesNoneInAdvance) {
  PipePool pool(8);
  EXPECT_EQ(pool.idle(), 0U);
  auto loan = pool.Borrow();
  ASSERT_TRUE(loan);
  const int used = loan->read_end();
  EXPECT_GE(::fcntl(used, F_GETPIPE_SZ), 64 * 1024);
  loan.reset();
  EXPECT_EQ(pool.idle(), 1U);
  loan = std::nullopt;
  const auto again = pool.Borrow();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->read_end(), used);
  EXPECT_EQ(pool.lent(), 1U);
}

// Bytes of one connection that stay in a pipe would come out in another one.
TEST(PipePool, APipeThatStillHoldsBytesIsNeverLentAgain) {
  PipePool pool(8);
  {
    auto loan = pool.Borrow();
    ASSERT_TRUE(loan);
    ASSERT_EQ(::write(loan->write_end(), "secret", 6), 6);
    loan->Filled(6);
    loan->Drained(2);
  }
  EXPECT_EQ(pool.idle(), 0U);
  EXPECT_EQ(pool.lent(), 0U);
  const auto fresh = pool.Borrow();
  ASSERT_TRUE(fresh);
  char byte = 0;
  EXPECT_EQ(::read(fresh->read_end(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace ambit::egress
