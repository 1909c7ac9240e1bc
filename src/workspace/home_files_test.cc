#include "workspace/home_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/fd.h"

namespace ambit::workspace {
namespace {

namespace fs = std::filesystem;

class HomeFilesTest : public ::testing::Test {
 protected:
  HomeFilesTest() {
    std::string name = "/tmp/ambit-home-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    run_ = name;
    fs::create_directory(run_ + "/home");
    plan_.mounts = {{.kind = plan::Mount::Kind::kHome, .inside = "/home/ann"}};
  }
  ~HomeFilesTest() override { fs::remove_all(run_); }

  Status Write(const std::string& path, const std::string& content) {
    plan_.home_files = {{.kind = plan::RootEntry::Kind::kFile,
                         .path = "/home/ann/" + path,
                         .content = content,
                         .mode = 0600}};
    const Fd dir(::open(run_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return WriteHomeFiles(dir.get(), plan_);
  }
  std::string Read(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(run_ + "/" + path).rdbuf();
    return text.str();
  }

  std::string run_;
  plan::LaunchPlan plan_;
};

TEST_F(HomeFilesTest, AreWrittenWithTheDirectoriesAboveThem) {
  ASSERT_TRUE(Write(".a/b/c.json", std::string("{}\0", 3)));
  EXPECT_EQ(Read("home/.a/b/c.json"), std::string("{}\0", 3));
  EXPECT_EQ(fs::status(run_ + "/home/.a/b/c.json").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(fs::status(run_ + "/home/.a/b").permissions(), fs::perms::owner_all);
  ASSERT_TRUE(Write(".a/d", "x"));
  ASSERT_TRUE(Write("top", "y"));
}

TEST_F(HomeFilesTest, ReplaceNothingAndFollowNoLink) {
  ASSERT_TRUE(Write("a", "first"));
  EXPECT_FALSE(Write("a", "second"));
  EXPECT_EQ(Read("home/a"), "first");
  EXPECT_FALSE(Write("a/b", "below a file"));
  fs::create_directory(run_ + "/outside");
  fs::create_directory_symlink("../outside", run_ + "/home/link");
  fs::create_symlink("../outside/file", run_ + "/home/file");
  EXPECT_FALSE(Write("link/file", "x"));
  EXPECT_FALSE(Write("file", "x"));
  EXPECT_TRUE(fs::is_empty(run_ + "/outside"));
}

}  // namespace
}  // namespace ambit::workspace
