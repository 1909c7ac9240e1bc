#include "workspace/stamp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "workspace/overlay_for_test.h"

namespace ambit::workspace {
namespace {

std::int64_t ChangeTimeOf(const std::filesystem::path& path) {
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0);
  return info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec;
}

TEST(Stamp, LiesBetweenWhatWasChangedBeforeAndWhatIsChangedAfter) {
  const testing::TempTree tree;
  const Fd dir(::open(tree.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (int round = 0; round < 200; ++round) {
    testing::WriteAll(tree.path() / "before", "x");
    const std::int64_t stamp = TakeStamp(dir.get());
    testing::WriteAll(tree.path() / "after", "x");
    EXPECT_LE(ChangeTimeOf(tree.path() / "before"), stamp);
    EXPECT_GE(ChangeTimeOf(tree.path() / "after"), stamp);
  }
}

TEST(Stamp, LeavesTheDirectoryAsItWas) {
  const testing::TempTree tree;
  const Fd dir(::open(tree.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::int64_t before = ChangeTimeOf(tree.path());
  (void)TakeStamp(dir.get());
  EXPECT_EQ(ChangeTimeOf(tree.path()), before);
  EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

}  // namespace
}  // namespace ambit::workspace
