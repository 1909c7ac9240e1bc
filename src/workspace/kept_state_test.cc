#include "workspace/kept_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace ambit::workspace {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class KeptStateTest : public ::testing::Test {
 protected:
  KeptStateTest() {
    std::string name = "/tmp/ambit-kept-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    scratch_ = fs::canonical(name).string();
    root_ = KeptBeside(scratch_ + "/state/runs");
    plan_.identity = {.disk_uid = ::geteuid(), .disk_gid = ::getegid()};
    plan_.kept = {{.name = "p-1/a-2", .project = "/home/ann/p", .place = ".a"}};
  }
  ~KeptStateTest() override { fs::remove_all(scratch_); }

  Result<std::string> Prepare() const { return PrepareKept(root_, plan_); }
  void ExpectRefused(const std::string& why) const {
    const auto prepared = Prepare();
    ASSERT_FALSE(prepared) << why;
    EXPECT_THAT(prepared.error().what, HasSubstr("keep '~/.a' in '" + root_ + "/p-1/a-2'"));
    EXPECT_THAT(prepared.error().what, HasSubstr(why));
  }
  std::string Place() const { return root_ + "/p-1/a-2"; }

  std::string scratch_;
  std::string root_;
  plan::LaunchPlan plan_;
};

TEST_F(KeptStateTest, NothingIsMadeWhereNothingIsKept) {
  plan_.kept.clear();
  EXPECT_EQ(Prepare().value(), "");
  EXPECT_FALSE(fs::exists(root_));
  EXPECT_TRUE(ListKept(root_)->empty());
}

TEST_F(KeptStateTest, IsMadeOnceAndFoundAgain) {
  EXPECT_EQ(Prepare().value(), root_);
  EXPECT_EQ(root_, scratch_ + "/state/keep");
  std::ofstream(Place() + "/content/file") << "x";
  ASSERT_TRUE(Prepare());
  EXPECT_TRUE(fs::exists(Place() + "/content/file"));
  EXPECT_EQ(fs::status(Place() + "/content").permissions(), fs::perms::owner_all);
  const auto listed = ListKept(root_);
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->at(0).name, "p-1/a-2");
  EXPECT_EQ(listed->at(0).project, "/home/ann/p");
  EXPECT_EQ(listed->at(0).place, "~/.a");
  ASSERT_TRUE(RemoveKept(root_, listed->at(0)));
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(KeptStateTest, TwoPathsOfOneNameAreToldApart) {
  ASSERT_TRUE(Prepare());
  plan_.kept[0].project = "/home/ann/q";
  ExpectRefused("it is kept for project /home/ann/p");
  plan_.kept[0].project = "/home/ann/p\nplace ~/.a";  // a name that looks like a record
  ExpectRefused("it is kept for");
}

TEST_F(KeptStateTest, LinksAndForeignOwnersAreRefused) {
  ASSERT_TRUE(Prepare());
  fs::create_directory(scratch_ + "/elsewhere");
  for (const std::string& place : {Place() + "/content", Place(), root_ + "/p-1"}) {
    fs::rename(place, scratch_ + "/aside");
    fs::create_directory_symlink(scratch_ + "/elsewhere", place);
    ExpectRefused("symbolic links");
    fs::remove(place);
    fs::rename(scratch_ + "/aside", place);
  }
  EXPECT_TRUE(fs::is_empty(scratch_ + "/elsewhere"));
  plan_.identity.disk_uid = ::geteuid() + 1;
  ExpectRefused("belongs to uid");
}

TEST_F(KeptStateTest, AFileInPlaceOfADirectoryIsRefused) {
  fs::create_directories(root_);
  fs::permissions(root_, fs::perms::owner_all);
  std::ofstream(root_ + "/p-1") << "x";
  ExpectRefused("Not a directory");
}

TEST_F(KeptStateTest, AListLeavesOutWhatHasNoRecord) {
  ASSERT_TRUE(Prepare());
  fs::create_directory(root_ + "/p-1/empty");
  std::ofstream(root_ + "/file") << "x";
  fs::create_directory_symlink("/", root_ + "/link");
  EXPECT_EQ(ListKept(root_)->size(), 1U);
}

}  // namespace
}  // namespace ambit::workspace
