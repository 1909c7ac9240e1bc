#include "review/merged_view.h"

#include <gmock/gmock.h>

#include "workspace/overlay_for_test.h"

namespace ambit::review {
namespace {

using workspace::testing::Flavour;
using workspace::testing::MountableFlavours;
using workspace::testing::OverlayTree;
using workspace::testing::RandomEditor;
using workspace::testing::ReadAll;
using workspace::testing::WriteAll;
namespace fs = std::filesystem;

class MergedViewOnOverlay : public ::testing::TestWithParam<Flavour> {};
INSTANTIATE_TEST_SUITE_P(Flavours, MergedViewOnOverlay, ::testing::ValuesIn(MountableFlavours()),
                         [](const auto& param) { return std::string(param.param.name); });

std::vector<std::string> PathsIn(const fs::path& root) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    paths.push_back(entry.path().lexically_relative(root));
  }
  return paths;
}

void ExpectSame(const MergedView& view, const fs::path& expected, const std::string& path) {
  const auto found = view.Find(path);
  ASSERT_TRUE(found) << path << ": " << found.error().what;
  struct stat info{};
  if (::lstat((expected / path).c_str(), &info) != 0) {
    EXPECT_FALSE(*found) << path;
    return;
  }
  ASSERT_TRUE(*found) << path;
  EXPECT_EQ((*found)->info.st_mode, info.st_mode) << path;
  if (S_ISLNK(info.st_mode)) {
    EXPECT_EQ(workspace::LinkTargetOf((*found)->parent.get(), (*found)->name),
              fs::read_symlink(expected / path).string());
  }
  if (!S_ISREG(info.st_mode)) return;
  const auto content = view.Read(path, 1U << 20);
  ASSERT_TRUE(content && *content) << path;
  EXPECT_EQ(**content, ReadAll(expected / path)) << path;
}

TEST_P(MergedViewOnOverlay, ShowsEveryPathAsTheKernelDoesAfterRandomEdits) {
  for (std::uint32_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const OverlayTree tree(GetParam(),
                           [&](const fs::path& root) { RandomEditor::MakeOriginal(root, seed); });
    fs::create_directory(tree.at("seen"));
    ASSERT_TRUE(tree.InOverlay([&] {
      RandomEditor editor(tree.at("plain"), tree.at("merged"), seed * 37);
      for (std::uint32_t step = 0; step < 3 + seed % 30; ++step) editor.Step();
      tree.CopyTree("merged", "seen");
    }));
    const auto view = MergedView::Open(tree.layer());
    ASSERT_TRUE(view) << view.error().what;
    for (const std::string& path : PathsIn(tree.at("seen"))) {
      ExpectSame(*view, tree.at("seen"), path);
    }
    for (const std::string& path : PathsIn(tree.at("original"))) {
      ExpectSame(*view, tree.at("seen"), path);
    }
  }
}

TEST_P(MergedViewOnOverlay, FollowsNoLinkReadsNoFifoAndKeepsItsBounds) {
  const OverlayTree tree(GetParam(), [](const fs::path& root) {
    fs::create_directory(root / "dir");
    WriteAll(root / "dir" / "file", "12345");
    fs::create_symlink("dir", root / "link");
  });
  ASSERT_TRUE(tree.Edited([](const fs::path& root) { ::mkfifo((root / "fifo").c_str(), 0600); }));
  const auto view = MergedView::Open(tree.layer());
  ASSERT_TRUE(view);
  EXPECT_FALSE(*view->Find("link/file"));
  EXPECT_EQ(view->Read("fifo", 10).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(view->Read("link", 10).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(view->Read("dir/file", 4).error().code, Errc::kLimit);
  EXPECT_EQ(**view->Read("dir/file", 5), "12345");
  for (const char* path : {"", "/", "..", "dir/..", "dir//file", "dir/", "./dir", "../x"}) {
    EXPECT_FALSE(view->Find(path)) << path;
  }
}

}  // namespace
}  // namespace ambit::review
