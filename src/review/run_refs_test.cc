#include "review/run_refs.h"

#include <gmock/gmock.h>

#include "workspace/overlay_for_test.h"

namespace ambit::review {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using workspace::testing::Flavour;
using workspace::testing::MountableFlavours;
using workspace::testing::OverlayTree;
using workspace::testing::WriteAll;
namespace fs = std::filesystem;

std::string Object(char digit) { return std::string(40, digit); }

void WriteRef(const fs::path& root, const std::string& name, char digit) {
  fs::create_directories((root / name).parent_path());
  WriteAll(root / name, Object(digit) + "\n");
}

std::string LogLine(char from, char to) {
  return Object(from) + " " + Object(to) + " A <a@b> 1700000000 +0000\tWIP\n";
}

class RunRefs : public ::testing::TestWithParam<Flavour> {
 protected:
  static std::vector<std::string> Names(const OverlayTree& tree) {
    const auto view = MergedView::Open(tree.layer());
    EXPECT_TRUE(view);
    const auto own = ReadOwnRefs(*view, ".git");
    EXPECT_TRUE(own) << own.error().what;
    EXPECT_FALSE(own->more);
    std::vector<std::string> names;
    for (const OwnRef& ref : own->refs) names.push_back(ref.name + " " + ref.object[0]);
    return names;
  }
};
INSTANTIATE_TEST_SUITE_P(Flavours, RunRefs, ::testing::ValuesIn(MountableFlavours()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(RunRefs, WhatTheRunWroteIsItsOwnAndWhatTheHostWritesLaterIsNot) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    WriteRef(root, ".git/refs/heads/main", '1');
    WriteRef(root, ".git/refs/heads/idle", '1');
  });
  ASSERT_TRUE(tree.InOverlay([&] {
    WriteRef(tree.at("merged"), ".git/refs/heads/main", '2');
    WriteRef(tree.at("merged"), ".git/refs/heads/a/b", '3');
    WriteRef(tree.at("merged"), ".git/refs/heads/gone", '4');
    fs::remove(tree.at("merged") / ".git/refs/heads/gone");
    fs::remove(tree.at("merged") / ".git/refs/heads/idle");
  }));
  WriteRef(tree.at("lower"), ".git/refs/heads/main", '7');
  WriteRef(tree.at("lower"), ".git/refs/heads/later", '8');
  EXPECT_THAT(Names(tree), ElementsAre("refs/heads/a/b 3", "refs/heads/main 2"));
}

TEST_P(RunRefs, OfARewrittenPackedRefsOnlyWhatTheHostHasNotCounts) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    WriteRef(root, ".git/refs/heads/stale", '2');
    WriteAll(root / ".git/packed-refs", Object('1') + " refs/heads/moved\n" + Object('1') +
                                            " refs/heads/stale\n" + Object('1') + " refs/stash\n");
  });
  ASSERT_TRUE(tree.InOverlay([&] {
    WriteRef(tree.at("merged"), ".git/refs/heads/loose", '4');
    WriteAll(tree.at("merged") / ".git/packed-refs",
             Object('5') + " refs/heads/loose\n" + Object('3') + " refs/heads/moved\n" +
                 Object('1') + " refs/heads/stale\n" + Object('1') + " refs/stash\n" + Object('6') +
                 " refs/tags/x\n");
  }));
  // Also when the host has made a loose ref of that name since.
  WriteRef(tree.at("lower"), ".git/refs/heads/moved", '9');
  EXPECT_THAT(Names(tree), ElementsAre("refs/heads/loose 4", "refs/heads/moved 3"));
}

TEST_P(RunRefs, StashesAreCountedFromTheNewestAndTheHostsAreLeftOut) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    WriteRef(root, ".git/refs/stash", '1');
    fs::create_directories(root / ".git/logs/refs");
    WriteAll(root / ".git/logs/refs/stash", LogLine('0', '1'));
  });
  EXPECT_THAT(Names(tree), IsEmpty());
  ASSERT_TRUE(tree.InOverlay([&] {
    WriteRef(tree.at("merged"), ".git/refs/stash", '3');
    WriteAll(tree.at("merged") / ".git/logs/refs/stash",
             LogLine('0', '1') + LogLine('1', '2') + LogLine('2', '3'));
  }));
  EXPECT_THAT(Names(tree), ElementsAre("stash@{0} 3", "stash@{1} 2"));
  ASSERT_TRUE(tree.InOverlay([&] { fs::remove(tree.at("merged") / ".git/refs/stash"); }));
  EXPECT_THAT(Names(tree), IsEmpty()) << "a log alone is no stash";
}

TEST(RunRefs, AreFoundByWhatAPersonTypes) {
  const OwnRefs own{.refs = {{"refs/heads/a/b", "1"},
                             {"refs/heads/refs/heads/x", "2"},
                             {"refs/heads/stash", "3"},
                             {"stash@{0}", "4"},
                             {"stash@{1}", "5"}}};
  const auto found = [&](std::string_view typed) {
    const OwnRef* ref = FindOwnRef(own, typed);
    return ref == nullptr ? std::string() : ref->object;
  };
  EXPECT_EQ(found("a/b"), "1");
  EXPECT_EQ(found("refs/heads/a/b"), "1");
  EXPECT_EQ(found("refs/heads/x"), "2");
  EXPECT_EQ(found("stash"), "4");
  EXPECT_EQ(found("refs/stash"), "4");
  EXPECT_EQ(found("stash@{1}"), "5");
  for (const char* typed : {"", "a", "b", "HEAD", "stash@{2}", "refs/heads/"}) {
    EXPECT_EQ(found(typed), "") << typed;
  }
  for (const OwnRef& ref : own.refs) EXPECT_EQ(found(ShortNameOf(ref)), ref.object);
}

}  // namespace
}  // namespace ambit::review
