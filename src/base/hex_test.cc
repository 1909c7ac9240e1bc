#include "base/hex.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ambit {
namespace {

TEST(Hex, GoesThereAndBack) {
  const std::array<std::uint8_t, 3> bytes = {0x00, 0xAB, 0xFF};
  std::string text = "x";
  AppendHex(bytes, text);
  EXPECT_EQ(text, "x00abff");
  std::array<std::uint8_t, 3> back{};
  EXPECT_TRUE(FromHex("00abff", back));
  EXPECT_EQ(back, bytes);
}

TEST(Hex, TakesOneSpellingOnly) {
  std::array<std::uint8_t, 2> out{};
  for (const char* text : {"00AB", "00a", "00abf", "00ag", " 0ab", ""}) {
    EXPECT_FALSE(FromHex(text, out)) << text;
  }
}

}  // namespace
}  // namespace ambit
