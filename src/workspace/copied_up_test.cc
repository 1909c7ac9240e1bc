#include "workspace/copied_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "workspace/overlay_for_test.h"

namespace ambit::workspace {
namespace {

namespace fs = std::filesystem;
using testing::Flavour;
using testing::OverlayTree;
using ::testing::UnorderedElementsAre;
using testing::WriteAll;

class CopiedUpFiles : public ::testing::TestWithParam<Flavour> {};
INSTANTIATE_TEST_SUITE_P(As, CopiedUpFiles, ::testing::ValuesIn(testing::MountableFlavours()),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(CopiedUpFiles, AreThoseThatHadAnOriginalAndAreLarge) {
  const std::string large(5000, 'x');
  const OverlayTree tree(GetParam(), [&](const fs::path& root) {
    fs::create_directories(root / "a/b");
    for (const char* name : {"a/b/written", "touched", "moved", "small", "untouched"}) {
      WriteAll(root / name, std::string_view(name) == "small" ? "s" : large);
    }
  });
  ASSERT_TRUE(tree.InOverlay([&] {
    const fs::path merged = tree.at("merged");
    WriteAll(merged / "a/b/written", large + "more");
    fs::permissions(merged / "touched", fs::perms::owner_all);
    fs::permissions(merged / "small", fs::perms::owner_all);
    WriteAll(merged / "new", large);
    fs::create_directories(merged / "own/deep");
    WriteAll(merged / "own/deep/new", large);
    fs::rename(merged / "moved", merged / "own/deep/moved");
  }));
  const auto found = FindCopiedUp(tree.layer(), 4096);
  ASSERT_TRUE(found) << found.error().what;
  std::vector<std::string> paths;
  for (const CopiedUp& file : *found) {
    EXPECT_GE(file.bytes, large.size());
    paths.push_back(file.path);
  }
  EXPECT_THAT(paths, UnorderedElementsAre("a/b/written", "touched", "own/deep/moved"));
}

}  // namespace
}  // namespace ambit::workspace
