#include "supervise/sampled_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "sys/file.h"

namespace ambit::supervise {
namespace {

namespace fs = std::filesystem;

class SampledDiskTest : public ::testing::Test {
 protected:
  SampledDiskTest() {
    std::string name = "/var/tmp/ambit-sampled-disk-XXXXXX";
    root_ = ::mkdtemp(name.data());
    for (const char* dir : {"upper", "work", "home"}) fs::create_directory(root_ / dir);
    run_ = *sys::OpenAt(AT_FDCWD, root_.c_str(), O_PATH | O_DIRECTORY);
  }
  ~SampledDiskTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, std::size_t bytes) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << std::string(bytes, 'x');
  }

  fs::path root_;
  Fd run_;
};

TEST_F(SampledDiskTest, BytesAndNamesOfAllThreeTreesCount) {
  Write("upper/project/deep/er/file", 1 << 20);
  Write("home/.cache/file", 1 << 20);
  Write("plan.json", 4 << 20);  // ambit's own
  const DiskUse use = SampledDisk::Whole(run_.get());
  EXPECT_GE(use.bytes, 2U << 20);
  EXPECT_LT(use.bytes, 3U << 20);
  EXPECT_EQ(use.entries, 6U);
}

TEST_F(SampledDiskTest, ASparseFileCountsWhatItTakesAndALinkedOneOnce) {
  Write("upper/sparse", 0);
  fs::resize_file(root_ / "upper/sparse", 1U << 30);
  Write("upper/file", 1 << 20);
  fs::create_hard_link(root_ / "upper/file", root_ / "upper/again");
  const DiskUse use = SampledDisk::Whole(run_.get());
  EXPECT_GE(use.bytes, 1U << 20);
  EXPECT_LT(use.bytes, 2U << 20);
  EXPECT_EQ(use.entries, 3U);
}

TEST_F(SampledDiskTest, LinksLeadNowhere) {
  fs::create_directory_symlink("/usr", root_ / "home/usr");
  fs::create_directory_symlink("..", root_ / "home/up");
  EXPECT_EQ(SampledDisk::Whole(run_.get()).entries, 2U);
}

TEST_F(SampledDiskTest, AWalkInSlicesFindsTheSame) {
  for (int n = 0; n < 2000; ++n)
    Write("upper/dir" + std::to_string(n % 20) + "/" + std::to_string(n), 1);
  DiskWalk walk(run_.get());
  int slices = 1;
  while (!walk.Continue(std::chrono::microseconds(0))) ++slices;
  EXPECT_GT(slices, 10);
  EXPECT_EQ(walk.found().entries, 2020U);
  EXPECT_FALSE(walk.hidden());
}

TEST_F(SampledDiskTest, ATreeTooDeepToWalkIsSaidToHideSomething) {
  fs::path deep = "upper";
  for (int n = 0; n < 200; ++n) deep /= "d";
  fs::create_directories(root_ / deep);
  DiskWalk walk(run_.get());
  while (!walk.Continue(std::chrono::seconds(1))) {
  }
  EXPECT_TRUE(walk.hidden());
}

}  // namespace
}  // namespace ambit::supervise
