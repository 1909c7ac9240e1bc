#include "spawn/native/tree_mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "spawn/native/movable.h"

namespace ambit::spawn::native {
namespace {

namespace fs = std::filesystem;

class TreeMirrorTest : public ::testing::Test {
 protected:
  TreeMirrorTest() {
    std::string path = "/var/tmp/tree-mirror-XXXXXX";
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    root_ = path;
    fs::create_directories(root_ / "from");
    fs::create_directories(root_ / "to");
  }
  ~TreeMirrorTest() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::string Read(const std::string& path) const {
    std::ostringstream text;
    text << std::ifstream(root_ / path).rdbuf();
    return text.str();
  }
  struct stat StatOf(const std::string& path) const {
    struct stat info{};
    EXPECT_EQ(::lstat((root_ / path).c_str(), &info), 0) << path;
    return info;
  }

  fs::path root_;
};

Fd OpenPath(const fs::path& path) { return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY)); }

TEST_F(TreeMirrorTest, FillsWithDirectoriesOfTheSameKindAndLinksToTheFiles) {
  Write("from/a/file", "text");
  fs::create_hard_link(root_ / "from/a/file", root_ / "from/again");
  fs::create_symlink("nowhere", root_ / "from/a/link");
  ASSERT_EQ(::setxattr((root_ / "from/a").c_str(), "user.note", "x", 1, 0), 0);
  const timespec times[] = {{.tv_sec = 7, .tv_nsec = 8}, {.tv_sec = 9, .tv_nsec = 10}};
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 02510), 0);
  ASSERT_EQ(::utimensat(AT_FDCWD, (root_ / "from/a").c_str(), times, 0), 0);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  ASSERT_EQ(TreeMirror(from.get(), to.get()).Fill(), 0);

  EXPECT_EQ(StatOf("to/a/file").st_ino, StatOf("from/a/file").st_ino);
  EXPECT_EQ(StatOf("to/again").st_nlink, 4U);
  EXPECT_EQ(fs::read_symlink(root_ / "to/a/link"), "nowhere");
  EXPECT_EQ(StatOf("to/a").st_mode, static_cast<mode_t>(S_IFDIR | 02510));
  EXPECT_EQ(StatOf("to/a").st_mtim.tv_sec, 9);
  EXPECT_EQ(StatOf("to/a").st_mtim.tv_nsec, 10);
  char value = 0;
  EXPECT_EQ(::getxattr((root_ / "to/a").c_str(), "user.note", &value, 1), 1);
  EXPECT_EQ(value, 'x');
}

TEST_F(TreeMirrorTest, DrainsWhatIsThereTwiceAlsoInADirectoryThatMayNotBeWritten) {
  Write("from/a/file", "text");
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 0555), 0);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  TreeMirror mirror(from.get(), to.get());
  ASSERT_EQ(mirror.Fill(), 0);
  ASSERT_EQ(mirror.Drain(), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "from"));
  EXPECT_EQ(Read("to/a/file"), "text");
  EXPECT_EQ(StatOf("to/a").st_mode & 07777, 0555U);
}

TEST_F(TreeMirrorTest, TakesAlongWhatWasAddedAndReplacedMeanwhile) {
  Write("from/a/kept", "kept");
  Write("from/a/replaced", "old");
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  TreeMirror mirror(from.get(), to.get());
  ASSERT_EQ(mirror.Fill(), 0);
  Write("from/a/late", "late");
  Write("from/later/late", "late");
  Write("from/a/replacement", "new text");
  fs::rename(root_ / "from/a/replacement", root_ / "from/a/replaced");
  ASSERT_EQ(mirror.Drain(), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "from"));
  EXPECT_EQ(Read("to/a/replaced"), "new text");
  EXPECT_EQ(Read("to/a/late") + Read("to/later/late") + Read("to/a/kept"), "latelatekept");
}

TEST_F(TreeMirrorTest, PutsBackWhatWasDrained) {
  Write("from/a/file", "text");
  ASSERT_EQ(::chmod((root_ / "from/a").c_str(), 0750), 0);
  const timespec before = StatOf("from/a").st_mtim;
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  TreeMirror forth(from.get(), to.get());
  ASSERT_EQ(forth.Fill(), 0);
  ASSERT_EQ(forth.Drain(), 0);
  ASSERT_EQ(TreeMirror(to.get(), from.get()).Fill(), 0);
  ASSERT_EQ(RemoveContents(to.get()), 0);
  EXPECT_TRUE(fs::is_empty(root_ / "to"));
  EXPECT_EQ(Read("from/a/file"), "text");
  EXPECT_EQ(StatOf("from/a").st_mode & 07777, 0750U);
  EXPECT_EQ(StatOf("from/a").st_mtim.tv_nsec, before.tv_nsec);
}

TEST_F(TreeMirrorTest, StopsAtTheDeepestTreeAndAtAMountPoint) {
  std::string deep = "from";
  for (int depth = 0; depth <= kDeepestTree; ++depth) deep += "/d";
  fs::create_directories(root_ / deep);
  const Fd from = OpenPath(root_ / "from");
  const Fd to = OpenPath(root_ / "to");
  EXPECT_EQ(TreeMirror(from.get(), to.get()).Fill(), EXDEV);
  const Fd top = OpenPath("/");
  EXPECT_FALSE(OpenDirectory(top.get(), "proc"));
  EXPECT_EQ(errno, EXDEV);
}

TEST_F(TreeMirrorTest, FollowsNoSymbolicLink) {
  Write("elsewhere/file", "text");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / "from/link");
  const Fd from = OpenPath(root_ / "from");
  EXPECT_FALSE(OpenDirectory(from.get(), "link"));
  ASSERT_EQ(RemoveContents(from.get()), 0);
  EXPECT_EQ(Read("elsewhere/file"), "text");
}

TEST_F(TreeMirrorTest, ADirectoryThatMovesAnywayIsLeftAlone) {
  Write("from/file", "text");
  const struct stat before = StatOf("from");
  const Fd parent = OpenPath(root_);
  EXPECT_EQ(MakeMovable(parent.get(), "from"), 0);
  EXPECT_EQ(StatOf("from").st_ino, before.st_ino);
  EXPECT_EQ(StatOf("from").st_mtim.tv_nsec, before.st_mtim.tv_nsec);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), {}), 2);
}

}  // namespace
}  // namespace ambit::spawn::native
