#include "host/dotenv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ambit::host {
namespace {

using ::testing::Optional;

TEST(Dotenv, KeepsKeysAndNothingElse) {
  EXPECT_THAT(WithPlaceholders("# old: TOKEN=abc\n"
                               "TOKEN=secret1 # note\n"
                               "\n"
                               "export DB_URL = \"postgres://u:secret2@h/db\"\n"
                               "empty=\n"),
              Optional(std::string("TOKEN=ambit-placeholder\n"
                                   "export DB_URL=ambit-placeholder\n"
                                   "empty=ambit-placeholder\n")));
}

TEST(Dotenv, ReadsValuesOverSeveralLines) {
  EXPECT_THAT(WithPlaceholders("KEY=\"-----BEGIN PRIVATE KEY-----\n"
                               "MIIEvQIBADANBg==\n"
                               "-----END PRIVATE KEY-----\\\"\n"
                               "\"\nA='b\\'\n"),
              Optional(std::string("KEY=ambit-placeholder\nA=ambit-placeholder\n")));
}

TEST(Dotenv, NeverTakesALineOfSomethingElseForAKey) {
  for (const char* text : {
           "KEY=-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQE/FAASC\n-----END-----\n",
           "KEY=\"never closed\nMIIE=\n",
           "KEY=\"a\"'b'\n",
           "KEY=line \\\nMIIE=\n",
           "just some words\n",
           "1KEY=x\n",
           "=x\n",
           "KEY\n",
           "export KEY\n",
       }) {
    EXPECT_EQ(WithPlaceholders(text), std::nullopt) << text;
  }
  EXPECT_EQ(WithPlaceholders(std::string_view("A=b\0", 4)), std::nullopt);
  EXPECT_EQ(WithPlaceholders(std::string(129, 'A') + "=x\n"), std::nullopt);
}

TEST(Dotenv, WithoutAKeyShowsNothing) {
  EXPECT_EQ(WithPlaceholders(""), std::nullopt);
  EXPECT_EQ(WithPlaceholders("# only words\n\n"), std::nullopt);
}

TEST(Dotenv, EntriesAreTheWholeText) {
  const std::string text = "A=1\n\n# c\r\n  B = 'x\ny' # z\nexport=3";
  std::string joined;
  const auto entries = ParseDotenv(text);
  ASSERT_TRUE(entries.has_value());
  for (const DotenvEntry& entry : *entries) joined += entry.text;
  EXPECT_EQ(joined, text);
}

/// What a run that saw `real` masked and left `changed` brings home.
std::optional<std::string> Merged(const std::string& real, const std::string& changed) {
  const auto joined = MergeByKey(real, WithPlaceholders(real).value_or(""), changed);
  return joined ? std::optional(joined->text) : std::nullopt;
}

TEST(MergeByKey, WhatTheRunDidNotTouchKeepsItsRealText) {
  const std::string real = "# mine\nA=\"one\ntwo\"\nB=2\n";
  EXPECT_THAT(Merged(real, *WithPlaceholders(real)), Optional(real));
}

TEST(MergeByKey, NewValuesAndKeysComeAndRemovedOnesGo) {
  EXPECT_THAT(Merged("# mine\nA=real\nB=real\nC=real",
                     "A=ambit-placeholder\nB=new\nexport D=\"x y\"\n# theirs\n"),
              Optional(std::string("# mine\nA=real\nB=new\nexport D=\"x y\"\n")));
}

TEST(MergeByKey, AKeyThatTheRunNeverSawStays) {
  const auto joined =
      MergeByKey("A=1\nMINE=3\n", "A=ambit-placeholder\n", "A=ambit-placeholder\nB=2\n");
  ASSERT_TRUE(joined.has_value());
  EXPECT_EQ(joined->text, "A=1\nMINE=3\nB=2\n");
  EXPECT_TRUE(joined->only_adds);
}

TEST(MergeByKey, SaysWhetherAValueOfTheHostGoes) {
  const auto only_adds = [](const char* changed) {
    return MergeByKey("A=1\nM=3\n", "A=ambit-placeholder\n", changed)->only_adds;
  };
  EXPECT_TRUE(only_adds("A=ambit-placeholder\n"));
  EXPECT_TRUE(only_adds("A=1\n"));
  EXPECT_FALSE(only_adds("A=2\n"));
  EXPECT_FALSE(only_adds(""));
  EXPECT_FALSE(only_adds("A=ambit-placeholder\nM=4\n"));
}

TEST(MergeByKey, ARenamedKeyWouldLoseItsValue) {
  EXPECT_EQ(Merged("DB=real\n", "DB_URL=ambit-placeholder\n"), std::nullopt);
}

TEST(MergeByKey, APlaceholderInQuotesIsStillOne) {
  EXPECT_THAT(Merged("A=real\n", "A=\"ambit-placeholder\"\n"), Optional(std::string("A=real\n")));
}

TEST(MergeByKey, ALastLineWithoutAnEndStaysALineOfItsOwn) {
  EXPECT_THAT(Merged("A=real", "A=ambit-placeholder\nB=1"), Optional(std::string("A=real\nB=1")));
}

TEST(MergeByKey, RefusesWhatIsNoSuchFile) {
  EXPECT_EQ(Merged("A=1\n", "no keys here\n"), std::nullopt);
  EXPECT_EQ(Merged("A=\"open\n", "A=1\n"), std::nullopt);
}

}  // namespace
}  // namespace ambit::host
