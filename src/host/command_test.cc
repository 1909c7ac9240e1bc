#include "host/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace ambit::host {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

TEST(Interpreter, IsWhatTheFirstLineNames) {
  const auto of = [](std::string_view head) {
    const auto found = ParseInterpreter(head);
    return found ? found->path + "|" + found->name : "none";
  };
  EXPECT_EQ(of("#!/bin/sh\necho"), "/bin/sh|");
  EXPECT_EQ(of("#! /opt/py/bin/python3 -I\n"), "/opt/py/bin/python3|");
  EXPECT_EQ(of("#!/usr/bin/env node\n"), "/usr/bin/env|node");
  EXPECT_EQ(of("#!/usr/bin/env -S A=1 node --x"), "/usr/bin/env|node");
  EXPECT_EQ(of("#!/usr/bin/env"), "/usr/bin/env|");
  for (const char* none : {"", "#", "#!", "#!\n", "#!python\n",
                           "\x7f"
                           "ELF",
                           "echo #!/bin/sh"}) {
    EXPECT_EQ(of(none), "none") << none;
  }
}

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    std::string name = "/tmp/ambit-command-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = fs::canonical(name).string();
  }
  ~CommandTest() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& content, bool executable = true) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << content;
    if (executable) fs::permissions(root_ + path, fs::perms::owner_all);
  }
  void Link(const std::string& path, const std::string& target) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    fs::create_symlink(target, root_ + path);
  }

  std::string root_;
};

TEST_F(CommandTest, EveryLinkOnTheWayIsAHop) {
  Write("/lib/tool/run", "#!/bin/sh\n");
  Link("/stable", "lib/tool");
  Link("/bin/tool", "../stable/run");
  const CommandFacts facts = FindCommand("tool", "relative:/none:" + root_ + "/bin", "/");
  ASSERT_TRUE(facts.file);
  EXPECT_EQ(facts.file->path, root_ + "/bin/tool");
  EXPECT_THAT(facts.file->hops, ElementsAre(root_ + "/bin/tool", root_ + "/lib/tool/run"));
  EXPECT_TRUE(facts.file->executable);
  EXPECT_EQ(facts.interpreter->path, "/bin/sh");
  EXPECT_TRUE(facts.interpreter_file->executable);
}

TEST_F(CommandTest, TheFirstThatCanBeExecutedWins) {
  Write("/a/tool", "x", /*executable=*/false);
  Write("/b/tool", "x");
  fs::create_directories(root_ + "/c/tool");
  const auto found = [&](const std::string& path) {
    const CommandFacts facts = FindCommand("tool", path, "/");
    return facts.file ? facts.file->path : "";
  };
  const std::string a = root_ + "/a";
  const std::string b = root_ + "/b";
  EXPECT_EQ(found(a + ":" + b), b + "/tool");
  EXPECT_EQ(found(a), a + "/tool");
  EXPECT_EQ(found(root_ + "/c:" + b + "/"), b + "/tool");
  EXPECT_EQ(found(root_ + "/c"), "");
  EXPECT_EQ(found(""), "");
}

TEST_F(CommandTest, APathIsTakenFromTheWorkingDirectory) {
  Write("/p/tool", "x");
  EXPECT_EQ(FindCommand("./tool", "", root_ + "/p").file->hops.back(), root_ + "/p/tool");
  EXPECT_EQ(FindCommand(root_ + "/p/tool", "", "/").file->path, root_ + "/p/tool");
  EXPECT_TRUE(FindCommand(root_ + "/p", "", "/").file->directory);
  EXPECT_FALSE(FindCommand("./other", "", root_ + "/p").file);
}

TEST_F(CommandTest, EnvIsAskedAsEnvAsks) {
  Write("/n/node", "x");
  Write("/s/script", "#!/usr/bin/env node\n");
  const CommandFacts with = FindCommand("script", root_ + "/s:" + root_ + "/n", "/");
  ASSERT_TRUE(with.interpreter_file);
  EXPECT_EQ(with.interpreter_file->path, root_ + "/n/node");
  EXPECT_FALSE(FindCommand("script", root_ + "/s", "/").interpreter_file);
}

TEST_F(CommandTest, MarkersOfTheDirectoriesAboveAreSeen) {
  Write("/venv/bin/tool", "x");
  Write("/venv/pyvenv.cfg", "");
  fs::create_directories(root_ + "/.ssh");
  fs::create_directories(root_ + "/other/.aws");
  const CommandFacts facts = FindCommand(root_ + "/venv/bin/tool", "", "/");
  EXPECT_THAT(facts.markers, Contains(root_ + "/venv/pyvenv.cfg"));
  EXPECT_THAT(facts.markers, Contains(root_ + "/.ssh"));
  EXPECT_THAT(facts.markers, Not(Contains(root_ + "/other/.aws")));
}

TEST_F(CommandTest, LinksInACircleAreNoCommand) {
  Link("/bin/a", "b");
  Link("/bin/b", "a");
  EXPECT_FALSE(FindCommand("a", root_ + "/bin", "/").file);
}

}  // namespace
}  // namespace ambit::host
