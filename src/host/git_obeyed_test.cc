#include "host/git_obeyed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace ambit::host {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
namespace fs = std::filesystem;
using Reach = ObeyedPlace::Reach;

std::vector<std::string> NamedIn(const std::string& text) {
  const auto config = ParseGitConfig(text);
  std::vector<std::string> out;
  if (!config) return {"unparsable"};
  for (const GitConfigEntry& entry : config->entries) {
    for (const NamedPath& named : PathsNamedBy(entry)) out.push_back(named.path);
  }
  return out;
}

TEST(PathsNamedBy, EveryWordOfACommandCounts) {
  EXPECT_THAT(NamedIn("[core]\nfsmonitor = \"sh -c 'tools/a.sh --x=cfg/b;$PWD/c d'\"\n"),
              AllOf(Contains("tools/a.sh"), Contains("cfg/b"), Contains("d")));
  EXPECT_THAT(NamedIn("[alias]\nx = \"!PATH=tools/bin:$PATH run\"\n"), Contains("tools/bin"));
  EXPECT_THAT(NamedIn("[filter \"f\"]\nclean = \"'my tools/x' %f\"\n"), Contains("my tools/x"));
  EXPECT_THAT(NamedIn("[credential \"https://x\"]\nhelper = \"!./get\"\n"), Contains("./get"));
}

TEST(PathsNamedBy, EverySettingThatRunsSomethingCounts) {
  for (const char* setting : {"[core]\nhooksPath",
                              "[core]\nfsmonitor",
                              "[core]\nsshCommand",
                              "[core]\neditor",
                              "[core]\npager",
                              "[core]\naskPass",
                              "[core]\nattributesFile",
                              "[core]\ngitProxy",
                              "[sequence]\neditor",
                              "[filter \"x\"]\nclean",
                              "[filter \"x\"]\nsmudge",
                              "[filter \"x\"]\nprocess",
                              "[diff]\nexternal",
                              "[diff \"x\"]\ncommand",
                              "[diff \"x\"]\ntextconv",
                              "[merge \"x\"]\ndriver",
                              "[credential]\nhelper",
                              "[gpg]\nprogram",
                              "[gpg \"ssh\"]\nprogram",
                              "[gpg \"ssh\"]\ndefaultKeyCommand",
                              "[init]\ntemplateDir",
                              "[pager]\nlog",
                              "[difftool \"x\"]\ncmd",
                              "[mergetool \"x\"]\npath",
                              "[interactive]\ndiffFilter",
                              "[remote \"o\"]\nuploadpack",
                              "[hook \"x\"]\ncommand"}) {
    EXPECT_THAT(NamedIn(std::string(setting) + " = tools/x\n"), Contains("tools/x")) << setting;
  }
}

TEST(PathsNamedBy, DataDoesNot) {
  EXPECT_THAT(NamedIn("[alias]\nco = checkout src/x\n[core]\nexcludesFile = tools/ignore\n"
                      "[remote \"o\"]\nurl = ../other\n[user]\nname = a/b\n[core]\npager\n"
                      "[submodule \"s\"]\npath = lib/s\n"),
              IsEmpty());
}

class Obeyed : public ::testing::Test {
 protected:
  Obeyed() {
    std::string name = (fs::temp_directory_path() / "ambit-obeyed-XXXXXX").string();
    top_ = fs::canonical(::mkdtemp(name.data()));
    fs::create_directories(top_ / "home");
    fs::create_directories(top_ / "project/.git/hooks");
    person_.home = (top_ / "home").string();
  }
  ~Obeyed() override { fs::remove_all(top_); }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((top_ / path).parent_path());
    std::ofstream(top_ / path) << text;
  }
  void Link(const std::string& path, const std::string& target) {
    fs::create_directories((top_ / path).parent_path());
    fs::create_symlink(target, top_ / path);
  }
  Result<std::vector<ObeyedPlace>> Read(const std::string& project = "project",
                                        const std::vector<std::string>& directories = {}) {
    return ReadObeyedPlaces((top_ / project).string(), directories, person_);
  }
  std::vector<std::string> Paths(const std::string& project = "project",
                                 const std::vector<std::string>& directories = {}) {
    const auto places = Read(project, directories);
    if (!places) return {places.error().what};
    std::vector<std::string> out;
    for (const ObeyedPlace& place : *places) out.push_back(place.path);
    return out;
  }
  fs::path top_;
  Person person_;
};

TEST_F(Obeyed, SettingsThatRunNothingAddNothing) {
  const auto none = Paths();
  Write("project/.git/config", "[core]\nbare = false\neditor = vim\n[alias]\nco = checkout\n");
  EXPECT_EQ(Paths(), none);
}

TEST_F(Obeyed, FollowsIncludesFromFileToFile) {
  Write("project/.git/config",
        "[include]\npath = ../config/one\n[includeIf \"onbranch:x\"]\npath = ../config/cond\n");
  Write("project/config/one", "[include]\npath = sub/two\npath = one\n");
  Write("project/config/sub/two", "[core]\nfsmonitor = tools/fsm.sh\n");
  const auto paths = Paths();
  for (const char* path : {"config/one", "config/cond", "config/sub/two", "tools/fsm.sh"}) {
    EXPECT_THAT(paths, Contains(path));
  }
}

TEST_F(Obeyed, TakesThePersonsFilesRelativeToTheWorktree) {
  Write("home/.gitconfig", "[core]\nhooksPath = scripts/hooks\n[include]\npath = ~/more\n");
  Write("home/more", "[core]\neditor = " + (top_ / "project/tools/edit").string() + "\n");
  EXPECT_THAT(Paths(), AllOf(Contains("scripts/hooks"), Contains("tools/edit")));
}

TEST_F(Obeyed, LinksOnTheWayCountAndWhatTheyLeadTo) {
  Write("project/.git/config", "[core]\nhooksPath = link/hooks\n");
  Link("project/link", "real");
  Link("project/real/hooks/pre-commit", "../../tools/check");
  Link("project/.git/hooks/post-merge", "../../tools/merged");
  const auto paths = Paths();
  for (const char* path :
       {"link", "real/hooks", "real/hooks/pre-commit", "tools/check", "tools/merged"}) {
    EXPECT_THAT(paths, Contains(path));
  }
}

TEST_F(Obeyed, LinksInALoopEnd) {
  Write("project/.git/config", "[core]\nhooksPath = a/x\n");
  Link("project/a", "b");
  Link("project/b", "a");
  EXPECT_THAT(Paths(), AllOf(Contains("a"), Contains("b")));
}

TEST_F(Obeyed, FindsTheRepositoryAroundTheProjectAndThoseInIt) {
  Write("project/.git/config", "[core]\nhooksPath = part/hooks\n");
  Write("project/part/inner/.git/config", "[core]\nhooksPath = own\n");
  EXPECT_THAT(Paths("project/part"), AllOf(Contains("hooks"), Not(Contains("inner/own"))));
  EXPECT_THAT(Paths("project/part", {"inner", "inner/x"}),
              AllOf(Contains("hooks"), Contains("inner/own")));
}

TEST_F(Obeyed, FollowsTheGitFileOfAWorktreeAndOfSubmodules) {
  Write("main/.git/config", "[core]\nhooksPath = hooks1\n");
  Write("main/.git/worktrees/w/commondir", "../..\n");
  Write("main/.git/worktrees/w/config.worktree", "[core]\npager = bin/page\n");
  Write("w/.git", "gitdir: ../main/.git/worktrees/w\n");
  EXPECT_THAT(Paths("w"), AllOf(Contains("hooks1"), Contains("bin/page")));
  Write("project/.git/modules/a/b/HEAD", "x");
  Write("project/.git/modules/a/b/config",
        "[core]\nworktree = ../../../../sub\nhooksPath = ../hooks2\neditor = ed/it\n");
  EXPECT_THAT(Paths(), AllOf(Contains("hooks2"), Contains("sub/ed/it")));
}

TEST_F(Obeyed, AProjectThatIsItsOwnHooksDirectoryIsNotHeldWhole) {
  Write("project/.git/config", "[core]\nhooksPath = .\n");
  const auto places = Read();
  ASSERT_TRUE(places.has_value());
  const auto root = std::ranges::find(*places, "", &ObeyedPlace::path);
  ASSERT_NE(root, places->end());
  EXPECT_EQ(root->reach, Reach::kHookNames);
}

TEST_F(Obeyed, WhatCannotBeParsedIsAnErrorWithFileAndLine) {
  Write("project/.git/config", "[include]\npath = ../common\n");
  Write("project/common", "[core]\n!\n");
  const auto places = Read();
  ASSERT_FALSE(places.has_value());
  EXPECT_THAT(places.error().what,
              AllOf(HasSubstr("/project/.git/../common'"), HasSubstr("line 2")));
  EXPECT_THAT(places.error().remedy, HasSubstr("git config --list"));
}

TEST_F(Obeyed, DevNullIsAnEmptyFile) {
  Write("project/.git/config", "[include]\npath = /dev/null\n");
  Link("home/.gitconfig", "/dev/null");
  EXPECT_TRUE(Read().has_value());
}

}  // namespace
}  // namespace ambit::host
