#include "base/path.h"

#include <gtest/gtest.h>

namespace ambit {
namespace {

TEST(Path, IsBelowWhereItsPartsBegin) {
  EXPECT_TRUE(IsAtOrBelow("/a/b", "/a"));
  EXPECT_TRUE(IsAtOrBelow("/a", "/a"));
  EXPECT_FALSE(IsAtOrBelow("/ab", "/a"));
  EXPECT_FALSE(IsAtOrBelow("/a", "/a/b"));
  EXPECT_TRUE(IsBelow("/a/b", "/a"));
  EXPECT_FALSE(IsBelow("/a", "/a"));
}

TEST(Path, IsBelowWhatHasNothingAboveIt) {
  EXPECT_TRUE(IsAtOrBelow("/", "/"));
  EXPECT_TRUE(IsBelow("/a", "/"));
  EXPECT_TRUE(IsBelow("a/b", ""));
  EXPECT_FALSE(IsBelow("/", "/"));
  EXPECT_FALSE(IsAtOrBelow("a", "/"));
}

}  // namespace
}  // namespace ambit
