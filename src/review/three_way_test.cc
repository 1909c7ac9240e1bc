#include "review/three_way.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "review/apply_for_test.h"

namespace ambit::review {
namespace {

using testing::ReadAll;
using testing::TempTree;
using testing::WriteAll;

TEST(MergeLines, TakesWhatEitherSideChanged) {
  EXPECT_EQ(MergeLines("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n"), "A\nb\nc\nD\n");
  EXPECT_EQ(MergeLines("a\nb\nc\n", "a\nb\nc\nend\n", "begin\na\nb\nc\n"), "begin\na\nb\nc\nend\n");
  EXPECT_EQ(MergeLines("a\nb\nc\nd\ne\n", "b\nc\nd\ne\n", "a\nb\nc\nx\nd\ne"), "b\nc\nx\nd\ne");
}

TEST(MergeLines, TheSameChangeOnBothSidesIsMadeOnce) {
  EXPECT_EQ(MergeLines("a\nb\n", "a\nx\nb\n", "a\nx\nb\n"), "a\nx\nb\n");
  EXPECT_EQ(MergeLines("a\nb\nc\nd\n", "x\nb\nc\nd\n", "x\nb\nc\ny\n"), "x\nb\nc\ny\n");
  EXPECT_EQ(MergeLines("", "x\n", "x\n"), "x\n");
}

TEST(MergeLines, WhatOverlapsOrTouchesIsAConflict) {
  EXPECT_EQ(MergeLines("a\n", "b\n", "c\n"), std::nullopt);
  EXPECT_EQ(MergeLines("a\nb\n", "x\nb\n", "a\ny\n"), std::nullopt);        // side by side
  EXPECT_EQ(MergeLines("a\nb\n", "a\nx\nb\n", "a\ny\nb\n"), std::nullopt);  // in one place
  EXPECT_EQ(MergeLines("a\nb\n", "a\nx\nb\n", "a\n"), std::nullopt);
  EXPECT_EQ(MergeLines("a\nb\n", "", "a\nB\n"), std::nullopt);
  EXPECT_EQ(MergeLines("", "x\n", "y\n"), std::nullopt);
  EXPECT_EQ(MergeLines("a\nb", "a\nb\nc\n", "a\nb\n"), std::nullopt);  // the end of the last line
}

TEST(MergeLines, ASideThatChangedNothingLosesNothing) {
  std::mt19937 random(7);
  const auto text = [&] {
    std::string out;
    for (std::size_t lines = random() % 12; lines > 0; --lines) {
      out += fmt::format("{}\n", random() % 4);
    }
    return random() % 3 == 0 ? out + "no line end" : out;
  };
  for (int round = 0; round < 5000; ++round) {
    const std::string base = text();
    const std::string one = text();
    const std::string other = text();
    EXPECT_EQ(MergeLines(base, one, base), one);
    EXPECT_EQ(MergeLines(base, base, one), one);
    EXPECT_EQ(MergeLines(base, one, one), one);
    EXPECT_EQ(MergeLines(base, one, other), MergeLines(base, other, one));
  }
}

/// Where no line stands twice there is only one right answer, and git's own merge knows it.
TEST(MergeLines, GivesWhatGitGives) {
  const TempTree tree;
  std::mt19937 random(11);
  int next = 0;
  const auto edited = [&](std::vector<std::string> lines) {
    for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
      const auto at = lines.begin() + static_cast<std::ptrdiff_t>(random() % (lines.size() + 1));
      const std::string fresh = fmt::format("new {}\n", next++);
      if (random() % 3 == 0 || at == lines.end()) {
        lines.insert(at, fresh);
      } else if (random() % 2 == 0) {
        *at = fresh;
      } else {
        lines.erase(at);
      }
    }
    std::string out;
    for (const std::string& line : lines) out += line;
    return out;
  };
  int merged = 0;
  int conflicts = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> lines;
    std::string base;
    for (int i = 0; i < 12; ++i) lines.push_back(fmt::format("line {}\n", i));
    for (const std::string& line : lines) base += line;
    const std::string ours = edited(lines);
    const std::string theirs = edited(lines);
    WriteAll(tree.path() / "base", base);
    WriteAll(tree.path() / "ours", ours);
    WriteAll(tree.path() / "theirs", theirs);
    const int code = workspace::testing::RunShell(fmt::format(
        "cd '{}' && git merge-file -q ours base theirs 2>/dev/null", tree.path().string()));
    const auto result = MergeLines(base, ours, theirs);
    ASSERT_EQ(result.has_value(), code == 0) << base << "--\n" << ours << "--\n" << theirs;
    if (result) EXPECT_EQ(*result, ReadAll(tree.path() / "ours"));
    ++(result ? merged : conflicts);
  }
  EXPECT_GT(merged, 50);
  EXPECT_GT(conflicts, 50);
}

}  // namespace
}  // namespace ambit::review
