#include "workspace/root_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>

#include "workspace/overlay_for_test.h"

namespace ambit::workspace {
namespace {

namespace fs = std::filesystem;
using plan::Mount;
using plan::RootEntry;

plan::LaunchPlan SomePlan() {
  plan::LaunchPlan plan;
  plan.root = {
      {.kind = RootEntry::Kind::kDirectory, .path = "/etc", .content = {}, .mode = 0755},
      {.kind = RootEntry::Kind::kFile, .path = "/etc/a/name", .content = "ann\n", .mode = 0644},
      {.kind = RootEntry::Kind::kSymlink, .path = "/bin", .content = "usr/bin", .mode = 0777},
      {.kind = RootEntry::Kind::kSymlink, .path = "/deep/er/link", .content = "/x", .mode = 0777}};
  plan.mounts = {{.kind = Mount::Kind::kBind, .inside = "/usr"},
                 {.kind = Mount::Kind::kBind, .inside = "/usr/local"},
                 {.kind = Mount::Kind::kBind, .inside = "/etc/file", .directory = false}};
  return plan;
}

class RootTreeTest : public ::testing::Test {
 protected:
  Result<RootTree> Find(const plan::LaunchPlan& plan) { return FindOrMakeRootTree(roots_, plan); }
  std::size_t Count() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(roots_), fs::directory_iterator()));
  }
  static plan::LaunchPlan Numbered(int number) {
    plan::LaunchPlan plan = SomePlan();
    plan.root[1].content = std::to_string(number);
    return plan;
  }

  testing::TempTree scratch_;
  std::string roots_ = scratch_.path() / "roots";
};

TEST_F(RootTreeTest, HoldsWhatThePlanWritesDownAndPlacesForMounts) {
  const auto tree = Find(SomePlan());
  ASSERT_TRUE(tree) << tree.error().what;
  const fs::path root = tree->path;
  EXPECT_EQ(testing::ReadAll(root / "etc/a/name"), "ann\n");
  EXPECT_EQ(fs::read_symlink(root / "bin"), "usr/bin");
  EXPECT_EQ(fs::read_symlink(root / "deep/er/link"), "/x");
  EXPECT_TRUE(fs::is_directory(root / "usr"));
  EXPECT_FALSE(fs::exists(root / "usr/local"));  // its place is in what is mounted at /usr
  EXPECT_TRUE(fs::is_regular_file(root / "etc/file"));
}

TEST_F(RootTreeTest, IsMadeOnceForEqualPlans) {
  const auto first = Find(SomePlan());
  plan::LaunchPlan other = SomePlan();
  other.argv = {"something", "else"};
  const auto second = Find(other);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->path, second->path);
  EXPECT_EQ(Count(), 1U);
}

TEST_F(RootTreeTest, IsAnotherForEveryOtherPlan) {
  std::set<std::string> paths;
  std::vector<plan::LaunchPlan> plans(7, SomePlan());
  plans[1].root[1].content = "bob\n";
  plans[2].root[1].mode = 0600;
  plans[3].root[2].content = "usr/sbin";
  plans[4].root[1].kind = RootEntry::Kind::kSymlink;
  plans[5].mounts.push_back({.inside = "/opt"});
  plans[6].mounts[2].directory = true;
  for (const plan::LaunchPlan& plan : plans) {
    const auto tree = Find(plan);
    ASSERT_TRUE(tree) << tree.error().what;
    paths.insert(tree->path);
  }
  EXPECT_EQ(paths.size(), plans.size());
}

TEST_F(RootTreeTest, CanBeReadByOthersWhateverTheUmask) {
  const mode_t before = ::umask(077);
  const auto tree = Find(SomePlan());
  EXPECT_EQ(::umask(before), 077U);
  ASSERT_TRUE(tree);
  struct stat info{};
  ASSERT_EQ(::stat((tree->path + "/etc/a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0755U);
  ASSERT_EQ(::stat((tree->path + "/etc/a/name").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U);
}

/// Two links of a plan must not add up to a way out of the tree.
TEST_F(RootTreeTest, IsNeverMadeThroughALink) {
  const fs::path outside = scratch_.path() / "outside";
  fs::create_directory(outside);
  plan::LaunchPlan plan;
  plan.root = {{.kind = RootEntry::Kind::kSymlink, .path = "/way", .content = outside},
               {.kind = RootEntry::Kind::kSymlink, .path = "/way/out", .content = "x"}};
  EXPECT_FALSE(Find(plan));
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(RootTreeTest, KeepsTheNewestAndThoseInUse) {
  const auto used = Find(Numbered(0));
  ASSERT_TRUE(used);
  ASSERT_TRUE(Find(Numbered(1)));
  const std::string unused = Find(Numbered(1))->path;
  for (int i = 2; i < static_cast<int>(kMostRootTrees) + 10; ++i) ASSERT_TRUE(Find(Numbered(i)));
  EXPECT_TRUE(fs::exists(used->path));
  EXPECT_FALSE(fs::exists(unused));
  EXPECT_LE(Count(), kMostRootTrees + 1);
  EXPECT_EQ(testing::ReadAll(fs::path(Find(Numbered(1))->path) / "etc/a/name"), "1");
}

TEST_F(RootTreeTest, ThatWasTamperedWithIsRefused) {
  const auto tree = Find(SomePlan());
  ASSERT_TRUE(tree);
  testing::WriteAll(fs::path(tree->path).parent_path() / "recipe", "something else");
  const auto again = Find(SomePlan());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().what, ::testing::HasSubstr("not what it was made of"));
}

}  // namespace
}  // namespace ambit::workspace
