#include "base/token_bucket.h"

#include <gtest/gtest.h>

#include <thread>

namespace ambit {
namespace {

TEST(TokenBucket, GivesItsBurstAndNoMore) {
  TokenBucket bucket(3, 0.001);
  ASSERT_TRUE(bucket.Has(3));
  bucket.Take(2);
  EXPECT_TRUE(bucket.Has(1));
  EXPECT_FALSE(bucket.Has(2));
}

TEST(TokenBucket, FillsWithTimeUpToItsBurst) {
  TokenBucket bucket(2, 1000);
  bucket.Take(2);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(bucket.Has(2));
  EXPECT_FALSE(bucket.Has(3)) << "20 ms would be 20";
}

}  // namespace
}  // namespace ambit
