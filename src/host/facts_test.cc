#include "host/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace ambit::host {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// A directory below /var/tmp with a home and a project in it. Not /tmp: some of these paths must
/// be ordinary.
class Facts : public ::testing::Test {
 protected:
  Facts() {
    std::string name = "/var/tmp/ambit-facts-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
    Make("home");
    Make("project/src/deep");
    person_ = {.uid = ::geteuid(),
               .gid = ::getegid(),
               .name = "ann",
               .home = root_ + "/home",
               .own_home = root_ + "/home",
               .shell = "/bin/sh"};
  }
  ~Facts() override { fs::remove_all(root_); }

  void Make(const std::string& dir) { fs::create_directories(root_ + "/" + dir); }
  Result<Project> Find(const std::string& start, bool explicit_root = false) {
    return FindProject(root_ + "/" + start, explicit_root, person_, StateRoot());
  }
  std::string StateRoot() const { return root_ + "/home/.local/state/ambit/runs"; }
  std::string WhyNot(const std::string& start) {
    const auto project = FindProject(start, true, person_, StateRoot());
    if (project) return "found " + project->root;
    EXPECT_FALSE(project.error().remedy.empty());
    return project.error().what;
  }

  std::string root_;
  Person person_;
};

TEST_F(Facts, TheProjectIsTheNearestAncestorWithARepositoryOrAPolicy) {
  Make("project/.git");
  auto project = Find("project/src/deep");
  ASSERT_TRUE(project);
  EXPECT_EQ(project->root, root_ + "/project");
  EXPECT_EQ(project->cwd, root_ + "/project/src/deep");

  std::ofstream(root_ + "/project/src/ambit.toml") << "";
  project = Find("project/src/deep");
  ASSERT_TRUE(project);
  EXPECT_EQ(project->root, root_ + "/project/src");
}

TEST_F(Facts, TheProjectIsTheDirectoryItselfWithoutEither) {
  const auto project = Find("project/src");
  ASSERT_TRUE(project);
  EXPECT_EQ(project->root, root_ + "/project/src");
  EXPECT_EQ(project->owner, ::geteuid());
}

TEST_F(Facts, ADirectoryNamedByTheUserIsTheRoot) {
  Make("project/.git");
  const auto project = Find("project/src", /*explicit_root=*/true);
  ASSERT_TRUE(project);
  EXPECT_EQ(project->root, root_ + "/project/src");
}

TEST_F(Facts, ASymlinkLeadsToTheRealProject) {
  fs::create_directory_symlink("project", root_ + "/link");
  const auto project = Find("link");
  ASSERT_TRUE(project);
  EXPECT_EQ(project->root, root_ + "/project");
}

TEST_F(Facts, RefusesRootsThatAreNoProject) {
  EXPECT_THAT(WhyNot("/"), HasSubstr("the whole file system"));
  EXPECT_THAT(WhyNot(root_ + "/home"), HasSubstr("home directory"));
  EXPECT_THAT(WhyNot(root_), HasSubstr("home directory"));
  for (const char* system : {"/usr", "/usr/share", "/etc", "/proc", "/dev", "/tmp", "/run"}) {
    EXPECT_THAT(WhyNot(system), HasSubstr("system directory")) << system;
  }
}

TEST_F(Facts, NamesADirectoryThatDoesNotExist) {
  const auto project = Find("nowhere");
  ASSERT_FALSE(project);
  EXPECT_THAT(project.error().what, HasSubstr(root_ + "/nowhere"));
}

TEST_F(Facts, RefusesARootThatHoldsTheStateDirectory) {
  Make("project/state/runs");
  const auto project =
      FindProject(root_ + "/project", true, person_, root_ + "/project/state/runs");
  ASSERT_FALSE(project);
  EXPECT_THAT(project.error().what, HasSubstr("state directory"));
}

TEST_F(Facts, AcceptsAChildOfHomeAndANamesakeOfIt) {
  Make("home/p");
  Make("home2");
  EXPECT_THAT(WhyNot(root_ + "/home/p"), HasSubstr("found"));
  EXPECT_THAT(WhyNot(root_ + "/home2"), HasSubstr("found"));
}

TEST(ParseMountPoints, UndoesTheEscapesOfMountinfo) {
  EXPECT_THAT(
      ParseMountPoints("25 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                       "26 25 0:5 / /a\\040b\\134c\\012d rw shared:1 master:2 - tmpfs none rw\n"
                       "27 25 0:6 /x /plain rw - tmpfs none rw"),
      ElementsAre("/", "/a b\\c\nd", "/plain"));
}

TEST(ParseMountPoints, TakesWhateverItIsGiven) {
  EXPECT_THAT(ParseMountPoints(""), IsEmpty());
  EXPECT_THAT(ParseMountPoints("\n\n"), IsEmpty());
  for (const char* odd : {"1 2 3", "1 2 3 4 \\04", "     ", "1 2 3 4 \\400x"}) {
    EXPECT_LE(ParseMountPoints(odd).size(), 1U) << odd;
  }
}

TEST(ReadMountPoints, KnowsWhereProcIs) {
  const auto points = ReadMountPoints();
  ASSERT_TRUE(points);
  EXPECT_THAT(*points, Contains("/proc"));
  EXPECT_THAT(*points, Contains("/"));
}

TEST_F(Facts, LinksOnTheWayAreThoseTheKernelFollows) {
  fs::create_directory_symlink("project", root_ + "/relative");
  fs::create_directory_symlink(root_ + "/relative/src", root_ + "/absolute");
  fs::create_directory_symlink("../absolute/deep", root_ + "/home/up");
  const auto links = LinksOnTheWay(root_ + "/home/./up/../deep");
  ASSERT_EQ(links.size(), 3U);
  EXPECT_EQ(links[0].path, root_ + "/home/up");
  EXPECT_EQ(links[0].link_target, "../absolute/deep");
  EXPECT_EQ(links[1].path, root_ + "/absolute");
  EXPECT_EQ(links[2].path, root_ + "/relative");
  EXPECT_THAT(LinksOnTheWay(root_ + "/project/src"), IsEmpty());
}

TEST_F(Facts, ALoopOfLinksEnds) {
  fs::create_directory_symlink("b", root_ + "/a");
  fs::create_directory_symlink("a", root_ + "/b");
  EXPECT_EQ(LinksOnTheWay(root_ + "/a/x").size(), 40U);
}

TEST(ReadEtcPaths, OffersNothingThatHoldsASecretOrAName) {
  const auto paths = ReadEtcPaths();
  EXPECT_THAT(paths, Contains(Field(&SystemPath::path, "/etc/ld.so.cache")));
  for (const SystemPath& entry : paths) {
    for (const char* secret : {"/etc/shadow", "/etc/passwd", "/etc/group", "/etc/ssh",
                               "/etc/ssl/private", "/etc/hostname", "/etc/hosts", "/etc/ssl",
                               "/etc/machine-id", "/etc/sudoers", "/etc/environment"}) {
      EXPECT_NE(entry.path, secret);
    }
    struct stat info{};
    ASSERT_EQ(::lstat(entry.path.c_str(), &info), 0) << entry.path;
    if (!entry.link_target) {
      EXPECT_NE(info.st_mode & 04U, 0U) << entry.path << " is not for everybody";
    }
  }
}

TEST(ReadEnvironment, CopiesOnlyWhatIsWanted) {
  ::setenv("AMBIT_TEST_WANTED", "1", 1);
  ::setenv("AMBIT_TEST_SECRET", "2", 1);
  EXPECT_THAT(ReadEnvironment([](std::string_view name) { return name == "AMBIT_TEST_WANTED"; }),
              ElementsAre(Pair("AMBIT_TEST_WANTED", "1")));
}

TEST_F(Facts, OwnHomeIsNeverSomebodyElses) {
  const std::string before = ::getenv("HOME") != nullptr ? ::getenv("HOME") : "/";
  ::setenv("HOME", (root_ + "/home").c_str(), 1);
  auto person = ReadPerson();
  ASSERT_TRUE(person);
  EXPECT_EQ(person->home, root_ + "/home");
  EXPECT_EQ(person->own_home, root_ + "/home");

  // As with sudo: $HOME is another person's, and what must be ours goes to the home of passwd.
  ::setenv("HOME", ::geteuid() == 0 ? "/var/tmp/ambit-facts-other" : "/root", 1);
  if (::geteuid() == 0) {
    fs::create_directory("/var/tmp/ambit-facts-other");
    ASSERT_EQ(::chown("/var/tmp/ambit-facts-other", 12345, 12345), 0);
  }
  person = ReadPerson();
  if (::geteuid() == 0) fs::remove("/var/tmp/ambit-facts-other");
  ::setenv("HOME", before.c_str(), 1);
  ASSERT_TRUE(person);
  EXPECT_NE(person->own_home, person->home);
}

}  // namespace
}  // namespace ambit::host
