#include "workspace/stamp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

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

TEST(ClockOffset, StaysAsLongAsNobodySetsTheClock) {
  const std::int64_t before = ClockOffset();
  for (int i = 0; i < 1000; ++i) EXPECT_LT(std::abs(ClockOffset() - before), 1'000'000);
}

TEST(StampByClock, MovesBackAsTheClockDid) {
  constexpr std::int64_t kHour = 3'600'000'000'000;
  EXPECT_EQ(StampByClock(10 * kHour, 11 * kHour, 0), 10 * kHour);
  EXPECT_EQ(StampByClock(10 * kHour, 11 * kHour, kHour), 10 * kHour);
  EXPECT_EQ(StampByClock(10 * kHour, 11 * kHour, -kHour), 9 * kHour);
  EXPECT_EQ(StampByClock(10 * kHour, 11 * kHour, -1000), 10 * kHour);  // two readings of one clock
}

TEST(StampByClock, TellsNothingWhileTheClockIsBehind) {
  EXPECT_EQ(StampByClock(100, 99, 0), 0);
  EXPECT_EQ(StampByClock(100, 99, 1'000'000'000), 0);
  EXPECT_EQ(StampByClock(0, 99, 0), 0);
  EXPECT_EQ(StampByClock(100, 200, -1'000'000'000), 0);
}

TEST(StampToCompare, KnowsTheClockOfItsOwnBootOnly) {
  const testing::TempTree tree;
  const Fd dir(::open(tree.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const RunLayer layer{.stamp_ns = TakeStamp(dir.get())};
  RunMeta run;
  ASSERT_TRUE(SetSupervisorToSelf(run));
  EXPECT_EQ(StampToCompare(run, layer, dir.get()), layer.stamp_ns);  // of an older ambit
  run.clock_offset_ns = ClockOffset() + 1'000'000'000;               // a second has been taken back
  const std::int64_t stamp = StampToCompare(run, layer, dir.get());
  EXPECT_LT(std::abs(stamp - (layer.stamp_ns - 1'000'000'000)), 5'000'000);
  run.boot_id = "another";
  EXPECT_EQ(StampToCompare(run, layer, dir.get()), layer.stamp_ns);
}

}  // namespace
}  // namespace ambit::workspace
