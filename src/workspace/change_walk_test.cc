#include "workspace/change_walk.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include <algorithm>

#include "workspace/overlay_for_test.h"

namespace ambit::workspace {
namespace {

using ::testing::ElementsAre;
using testing::Flavour;
using ::testing::IsEmpty;
using testing::MountableFlavours;
using testing::OverlayTree;
using testing::RandomEditor;
using testing::ReadAll;
using testing::Snapshot;
using testing::TempTree;
using ::testing::UnorderedElementsAre;
using testing::WriteAll;
namespace fs = std::filesystem;

char Letter(ChangeKind kind) { return "AMDTmR"[static_cast<int>(kind)]; }

/// "M path", "R old>new": what a test says of a list.
std::vector<std::string> Names(const ChangeSet& set) {
  std::vector<std::string> out;
  for (const Change& change : set.changes) {
    const bool moved = !change.old_path.empty() && change.old_path != change.path;
    out.push_back(fmt::format("{} {}{}", Letter(change.kind), moved ? change.old_path + ">" : "",
                              change.path));
  }
  return out;
}

void MakeProject(const fs::path& root) {
  fs::create_directories(root / "src/deep");
  fs::create_directories(root / "docs");
  WriteAll(root / "README", "read me\n");
  WriteAll(root / "src/a.cc", "a\n");
  WriteAll(root / "src/b.cc", "b\n");
  WriteAll(root / "src/deep/c.cc", "c\n");
  WriteAll(root / "docs/guide", "guide\n");
  fs::create_symlink("README", root / "link");
}

/// Does to `root`, a copy of the original, what the contract of Change says.
void ApplyChanges(const ChangeSet& set, const fs::path& upper, const fs::path& root,
                  const fs::path& aside) {
  std::vector<const Change*> first;
  for (const Change& change : set.changes) {
    if (change.kind == ChangeKind::kDeleted || change.kind == ChangeKind::kRenamed) {
      first.push_back(&change);
    }
  }
  const auto depth = [](const Change* change) {
    return std::count(change->old_path.begin(), change->old_path.end(), '/');
  };
  std::sort(first.begin(), first.end(),
            [&](const Change* l, const Change* r) { return depth(l) > depth(r); });
  std::map<const Change*, fs::path> set_aside;
  for (const Change* change : first) {
    if (change->kind == ChangeKind::kDeleted) {
      ASSERT_TRUE(fs::remove(root / change->old_path)) << change->old_path;
    } else {
      set_aside[change] = aside / std::to_string(set_aside.size());
      fs::rename(root / change->old_path, set_aside[change]);
    }
  }
  for (const Change& change : set.changes) {
    const fs::path to = root / change.path;
    if (change.kind == ChangeKind::kDeleted) continue;
    if (change.kind == ChangeKind::kRenamed) {
      ASSERT_FALSE(fs::exists(fs::symlink_status(to))) << to;
      fs::rename(set_aside[&change], to);
    } else if (change.kind != ChangeKind::kModeChanged) {
      const bool was_there = change.kind != ChangeKind::kAdded;
      ASSERT_EQ(fs::exists(fs::symlink_status(to)), was_there) << to;
      if (was_there) fs::remove(to);
      if (S_ISDIR(change.new_mode)) {
        fs::create_directory(to);
      } else {
        fs::copy(upper / change.path, to, fs::copy_options::copy_symlinks);
      }
    }
    if (!S_ISLNK(change.new_mode)) {
      ASSERT_EQ(::chmod(to.c_str(), change.new_mode & 07777U), 0) << to;
    }
  }
}

/// The list by comparing two whole trees: what a walk of the upper alone must come to, where no
/// directory was renamed.
std::vector<std::string> NaiveNames(const fs::path& before, const fs::path& after) {
  const auto old_tree = Snapshot(before);
  const auto new_tree = Snapshot(after);
  const auto type = [](const std::string& what) { return what.substr(0, what.size() > 3 ? 2 : 0); };
  std::vector<std::string> out;
  for (const auto& [path, what] : old_tree) {
    if (!new_tree.contains(path)) out.push_back("D " + path);
  }
  for (const auto& [path, what] : new_tree) {
    const auto it = old_tree.find(path);
    if (it == old_tree.end()) {
      out.push_back("A " + path);
    } else if (type(it->second) != type(what)) {
      out.push_back("T " + path);
    } else if (it->second != what) {
      const bool content = what.starts_with("link") ||
                           what.substr(what.find(' ')) != it->second.substr(it->second.find(' '));
      out.push_back((content ? "M " : "m ") + path);
    }
  }
  return out;
}

class OnOverlay : public ::testing::TestWithParam<Flavour> {};

INSTANTIATE_TEST_SUITE_P(Flavours, OnOverlay, ::testing::ValuesIn(MountableFlavours()),
                         [](const auto& info) { return info.param.name; });

TEST_P(OnOverlay, NothingChangedIsAnEmptyList) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) { (void)ReadAll(root / "README"); }));
  EXPECT_THAT(Names(tree.Walk()), IsEmpty());
}

TEST_P(OnOverlay, ListsAddedEditedDeletedAndModes) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    WriteAll(root / "new", "new\n");
    WriteAll(root / "src/a.cc", "A\n");  // the same size
    fs::remove(root / "README");
    (void)::chmod((root / "src/b.cc").c_str(), 0755);
    (void)::chmod((root / "docs").c_str(), 0700);
  }));
  EXPECT_THAT(Names(tree.Walk()),
              ElementsAre("D README", "m docs", "A new", "M src/a.cc", "m src/b.cc"));
}

TEST_P(OnOverlay, WhatWasCopiedUpAndIsTheSameIsNoChange) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    WriteAll(root / "src/a.cc", "a\n");
    (void)::chmod((root / "docs/guide").c_str(), 0600);
    (void)::chmod((root / "docs/guide").c_str(), 0644);
  }));
  ASSERT_TRUE(fs::exists(tree.at("upper") / "src/a.cc"));  // it did come up
  EXPECT_THAT(Names(tree.Walk()), IsEmpty());
}

TEST_P(OnOverlay, AReplacedDirectoryIsComparedNameByName) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    fs::remove_all(root / "src");
    fs::create_directory(root / "src");
    WriteAll(root / "src/a.cc", "a\n");
    WriteAll(root / "src/b.cc", "other\n");
  }));
  EXPECT_THAT(Names(tree.Walk()), ElementsAre("M src/b.cc", "D src/deep", "D src/deep/c.cc"));
}

TEST_P(OnOverlay, ADirectoryMayBecomeAFileAndAFileADirectory) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    fs::remove_all(root / "docs");
    WriteAll(root / "docs", "now a file\n");
    fs::remove(root / "README");
    fs::create_directory(root / "README");
    WriteAll(root / "README/x", "x\n");
    fs::remove(root / "link");
    fs::create_symlink("elsewhere", root / "link");
  }));
  const ChangeSet set = tree.Walk();
  EXPECT_THAT(Names(set),
              ElementsAre("T README", "A README/x", "T docs", "D docs/guide", "M link"));
  EXPECT_EQ(set.changes.back().link_target, "elsewhere");
}

TEST_P(OnOverlay, GitIsOneEntryWhateverChangedInIt) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    MakeProject(root);
    fs::create_directories(root / ".git/objects");
    WriteAll(root / ".git/HEAD", "ref\n");
    WriteAll(root / ".git/index", "i\n");
    fs::create_directories(root / "sub");
    WriteAll(root / "sub/.git", "gitdir: ../.git\n");
  });
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    WriteAll(root / ".git/HEAD", "other\n");
    fs::remove(root / ".git/index");
    WriteAll(root / ".git/objects/one", "1\n");
    WriteAll(root / "sub/.git", "gitdir: /etc\n");
    fs::create_directories(root / "new/.git");
    WriteAll(root / "new/.git/config", "[core]\n");
  }));
  const ChangeSet set = tree.Walk();
  EXPECT_THAT(Names(set), ElementsAre("A new"));
  std::vector<std::string> git;
  for (const GitChange& one : set.git) git.push_back(fmt::format("{} {}", one.path, one.files));
  EXPECT_THAT(git, UnorderedElementsAre(".git 3", "sub/.git 1", "new/.git 1"));
}

TEST_P(OnOverlay, AForgedMarkIsData) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.InOverlay([&] {
    const std::string src = tree.at("merged") / "src";
    EXPECT_EQ(::setxattr(src.c_str(), "user.overlay.opaque", "y", 1, 0), 0);
    EXPECT_EQ(::setxattr(src.c_str(), "user.overlay.redirect", "/docs", 5, 0), 0);
  }));
  EXPECT_THAT(Names(tree.Walk()), IsEmpty());
}

TEST_P(OnOverlay, FifosAndUnreadableFilesAreListedAndNeverOpened) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0600), 0);
    WriteAll(root / "src/a.cc", "A\n");
    (void)::chmod((root / "src/a.cc").c_str(), 0);
  }));
  EXPECT_THAT(Names(tree.Walk()), ElementsAre("A fifo", "M src/a.cc"));
}

TEST_P(OnOverlay, RandomEditsAreDescribedExactly) {
  constexpr std::uint32_t kScripts = 75;
  for (std::uint32_t seed = 1; seed <= kScripts; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const OverlayTree tree(GetParam(),
                           [&](const fs::path& root) { RandomEditor::MakeOriginal(root, seed); });
    ASSERT_TRUE(tree.InOverlay([&] {
      RandomEditor editor(tree.at("plain"), tree.at("merged"), seed * 7919);
      for (std::uint32_t step = 0; step < 5 + seed % 40; ++step) editor.Step();
      EXPECT_EQ(Snapshot(tree.at("merged")), Snapshot(tree.at("plain")));  // the tool itself
    }));
    const ChangeSet set = tree.Walk();
    if (GetParam().marks == OverlayFlavour::kUser) {
      EXPECT_THAT(Names(set), ::testing::UnorderedElementsAreArray(
                                  NaiveNames(tree.at("original"), tree.at("plain"))));
    }
    const TempTree aside;
    ApplyChanges(set, tree.at("upper"), tree.at("original"), aside.path());
    ASSERT_FALSE(HasFatalFailure());
    ASSERT_EQ(Snapshot(tree.at("original")), Snapshot(tree.at("plain")));
  }
}

class OnTrustedOverlay : public OnOverlay {};

std::vector<Flavour> TrustedOnly() {
  std::vector<Flavour> all = MountableFlavours();
  std::erase_if(all, [](const Flavour& one) { return one.marks == OverlayFlavour::kUser; });
  return all;
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnTrustedOverlay);
INSTANTIATE_TEST_SUITE_P(Flavours, OnTrustedOverlay, ::testing::ValuesIn(TrustedOnly()),
                         [](const auto& info) { return info.param.name; });

TEST_P(OnTrustedOverlay, ARenamedDirectoryIsOneRename) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    fs::rename(root / "src", root / "lib");
    WriteAll(root / "lib/a.cc", "changed\n");
    fs::remove(root / "lib/b.cc");
  }));
  EXPECT_THAT(Names(tree.Walk()), ElementsAre("R src>lib", "M src/a.cc>lib/a.cc", "D src/b.cc"));
}

TEST_P(OnTrustedOverlay, SwappedAndNestedRenamesKeepTheirSources) {
  const OverlayTree tree(GetParam(), MakeProject);
  ASSERT_TRUE(tree.Edited([](const fs::path& root) {
    fs::rename(root / "src/deep", root / "inner");
    fs::rename(root / "src", root / "swap");
    fs::rename(root / "docs", root / "src");
    fs::rename(root / "swap", root / "docs");
  }));
  EXPECT_THAT(Names(tree.Walk()), ElementsAre("R src>docs", "R src/deep>inner", "R docs>src"));
}

TEST(WalkChanges, TakesXattrWhiteoutsOnlyInDirectoriesMarkedForThem) {
  const TempTree tree;
  for (const char* layer : {"lower", "upper"}) {
    for (const char* directory : {"marked", "plain"}) {
      fs::create_directories(tree.path() / layer / directory);
      WriteAll(tree.path() / layer / directory / "gone", layer == std::string("lower") ? "x" : "");
    }
  }
  const std::string upper = tree.path() / "upper";
  ASSERT_EQ(::setxattr((upper + "/marked").c_str(), "user.overlay.opaque", "x", 1, 0), 0);
  for (const char* directory : {"/marked", "/plain"}) {
    const std::string file = upper + directory + "/gone";
    ASSERT_EQ(::setxattr(file.c_str(), "user.overlay.whiteout", "", 0, 0), 0);
  }
  const auto set = WalkChanges({.lower = tree.path() / "lower", .upper = upper});
  ASSERT_TRUE(set);
  EXPECT_THAT(Names(*set), ElementsAre("D marked/gone", "M plain/gone"));
}

TEST(WalkChanges, WalksAVeryDeepTreeWithFewDescriptors) {
  constexpr int kLevels = 1000;  // three times the descriptors it is given
  const TempTree tree;
  fs::create_directory(tree.path() / "lower");
  fs::create_directory(tree.path() / "upper");
  Fd dir(::open((tree.path() / "upper").c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < kLevels; ++i) {
    // A second directory beside each level makes the walk come back to it.
    ASSERT_EQ(::mkdirat(dir.get(), "z", 0700), 0);
    ASSERT_EQ(::mkdirat(dir.get(), "e", 0700), 0);
    dir = Fd(::openat(dir.get(), "e", O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(dir);
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit soft{.rlim_cur = 300, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &soft), 0);
  const auto set = WalkChanges({.lower = tree.path() / "lower", .upper = tree.path() / "upper"});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(set);
  EXPECT_EQ(set->changes.size(), 2U * kLevels);
  EXPECT_FALSE(set->truncated);
  EXPECT_TRUE(std::ranges::none_of(set->changes, &Change::unreadable));
}

TEST(WalkChanges, AMissingLayerIsAnError) {
  const TempTree tree;
  const auto set = WalkChanges({.lower = tree.path(), .upper = tree.path() / "none"});
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Errc::kNotFound);
}

TEST(OpenPlainFile, FollowsNoLinkAnywhere) {
  const TempTree tree;
  fs::create_directory(tree.path() / "d");
  WriteAll(tree.path() / "d/f", "f");
  fs::create_directory_symlink("d", tree.path() / "dl");
  fs::create_symlink("f", tree.path() / "d/fl");
  const Fd root(::open(tree.path().c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(OpenPlainFile(root.get(), "d/f"));
  EXPECT_FALSE(OpenPlainFile(root.get(), "dl/f"));
  EXPECT_FALSE(OpenPlainFile(root.get(), "d/fl"));
  EXPECT_FALSE(OpenPlainFile(root.get(), "d/../d/f"));
  EXPECT_FALSE(OpenPlainFile(root.get(), "/etc/passwd"));
  EXPECT_FALSE(OpenPlainFile(root.get(), "d"));
}

}  // namespace
}  // namespace ambit::workspace
