#include "sys/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace ambit::sys {
namespace {

namespace fs = std::filesystem;

class OpenUnlinkedTest : public ::testing::Test {
 protected:
  OpenUnlinkedTest() {
    std::string made = ::testing::TempDir() + "/file-test-XXXXXX";
    EXPECT_NE(::mkdtemp(made.data()), nullptr);
    root_ = fs::canonical(made);
    fs::create_directories(root_ / "a/proj");
    fs::create_directories(root_ / "other/proj");
  }
  ~OpenUnlinkedTest() override { fs::remove_all(root_); }
  std::string Path(const char* below) const { return root_ / below; }

  fs::path root_;
};

TEST_F(OpenUnlinkedTest, OpensARealPathThatIsWhatItWas) {
  const auto first = OpenUnlinked(Path("a/proj").c_str(), O_PATH | O_DIRECTORY);
  ASSERT_TRUE(first);
  const auto id = IdOf(first->get());
  ASSERT_TRUE(id);
  EXPECT_TRUE(OpenUnlinked(Path("a/proj").c_str(), O_PATH | O_DIRECTORY, *id));
}

TEST_F(OpenUnlinkedTest, RefusesAPathOfWhichAPartBecameALink) {
  fs::rename(root_ / "a", root_ / "a-before");
  fs::create_directory_symlink(root_ / "other", root_ / "a");
  ASSERT_TRUE(fs::exists(root_ / "a/proj"));  // it leads somewhere
  EXPECT_FALSE(OpenUnlinked(Path("a/proj").c_str(), O_PATH | O_DIRECTORY));
}

TEST_F(OpenUnlinkedTest, RefusesWhatWasReplacedMeanwhile) {
  const auto before = OpenUnlinked(Path("a/proj").c_str(), O_PATH);
  ASSERT_TRUE(before);
  const auto id = IdOf(before->get());
  ASSERT_TRUE(id);
  fs::rename(root_ / "a", root_ / "a-before");
  fs::rename(root_ / "other", root_ / "a");
  const auto after = OpenUnlinked(Path("a/proj").c_str(), O_PATH, *id);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, Errc::kDenied);
}

}  // namespace
}  // namespace ambit::sys
