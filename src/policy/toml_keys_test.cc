#include "policy/toml_keys.h"

#include <gtest/gtest.h>

#include <string>

namespace ambit::policy {
namespace {

std::string KeyOf(unsigned parts, const std::string& part, const std::string& between) {
  std::string key = part;
  for (unsigned i = 1; i < parts; ++i) key += between + part;
  return key;
}

TEST(TomlKeys, HaveABoundOfParts) {
  for (const std::string part : {"a", "\"a.\\\"b\"", "'a b'", "\xC3\xA4", "-"}) {
    for (const std::string between : {".", " . ", "\t."}) {
      const std::string most = KeyOf(kMaxKeyParts, part, between);
      EXPECT_EQ(LineOfDeepKey("x = 1\n" + most + " = 1\n"), 0U) << most;
      EXPECT_EQ(LineOfDeepKey("x = 1\n[" + most + between + part + "]\n"), 2U) << most;
    }
  }
}

TEST(TomlKeys, AreNotSeenInProseAndPaths) {
  std::string prose;
  for (int i = 0; i < 100; ++i) prose += "It ends here. Or not... 1.2.3 ";
  EXPECT_EQ(LineOfDeepKey("a = \"" + prose + "\"\n"), 0U);
  EXPECT_EQ(LineOfDeepKey("a = \"" + std::string(500, '.') + "\"\n"), 0U);
}

TEST(TomlKeys, EndWithTheText) {
  EXPECT_EQ(LineOfDeepKey(""), 0U);
  EXPECT_EQ(LineOfDeepKey("a."), 0U);
  EXPECT_EQ(LineOfDeepKey("a.\"\\"), 0U);
}

}  // namespace
}  // namespace ambit::policy
