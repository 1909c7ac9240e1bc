// Symbolic links and directories that the gate judges by more than a name.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "review/gate.h"
#include "review/gate_git_directories.h"

namespace ambit::review {
namespace {

using enum GateVerdict;

TEST(Gate, ALinkIsJudgedByItsTargetToo) {
  EXPECT_EQ(GateOfLink(".claude", "src/x").verdict, kHeld);
  EXPECT_EQ(GateOfLink("hooks", ".git/hooks").verdict, kNever);
  EXPECT_EQ(GateOfLink("a/b", "../.vscode/settings.json").verdict, kHeld);
  EXPECT_EQ(GateOfLink("tool", "bin/python3").verdict, kHeld);
  EXPECT_EQ(GateOfLink("bin/tool", "python3").verdict, kHeld);
  EXPECT_EQ(GateOfLink("bin/tool", "../python3").verdict, kOpen);
  EXPECT_EQ(GateOfLink("a/tool", "bin/x/../python3").verdict, kHeld);
  EXPECT_EQ(GateOfLink("make", "Makefile").verdict, kShown);
  EXPECT_EQ(GateOfLink("docs/latest", "../docs/v2").verdict, kOpen);
  EXPECT_EQ(GateOfLink("a", "..").verdict, kOpen);
}

TEST(Gate, ALinkThatStandsForADirectoryOfHeldNamesIsHeld) {
  EXPECT_EQ(GateOfLink("bin", "tools").verdict, kHeld);  // tools/python is an ordinary name
  EXPECT_EQ(GateOfLink("venv/lib/site-packages", "../../x").verdict, kHeld);
  EXPECT_EQ(GateOfLink("gradle", "x").verdict, kHeld);
  EXPECT_EQ(GateOf("bin").verdict, kOpen);
}

TEST(WhyLinkIsUnsafe, ByTheLinksTextAlone) {
  for (const auto& [where, target] :
       std::vector<std::pair<std::string, std::string>>{{"l", "a"},
                                                        {"d/l", "../a/b"},
                                                        {"d/e/l", "../../a"},
                                                        {"l", "./a/./b"},
                                                        {"l", ".git-x"},
                                                        {"d/l", "."},
                                                        {"l", "new\nline"},
                                                        {"l", "a/"},
                                                        {"d/l", "../d"}}) {
    EXPECT_EQ(WhyLinkIsUnsafe(where, target), "") << where << " -> " << target;
  }
  for (const auto& [where, target] :
       std::vector<std::pair<std::string, std::string>>{{"l", ""},
                                                        {"l", "/etc"},
                                                        {"l", ".."},
                                                        {"d/l", "../../a"},
                                                        {"l", "a/.."},
                                                        {"d/e/l", "f/../../../../x"},
                                                        {"l", ".git/config"},
                                                        {"d/l", "../.GIT/hooks"},
                                                        {"l", "./../x"},
                                                        {"l", "//x"},
                                                        {"l", "a/a/../../../etc"}}) {
    EXPECT_NE(WhyLinkIsUnsafe(where, target), "") << where << " -> " << target;
  }
}

GateVerdict VerdictIn(const std::set<std::string>& tree, std::string_view path) {
  return GitDirectories([&](const std::string& name) { return tree.contains(name); })
      .GateOf(path)
      .verdict;
}

TEST(GitDirectories, HoldAllThatLiesInARepositoryByWhateverName) {
  const std::set<std::string> tree = {"b/x.git/HEAD", "b/x.git/objects", "b/x.git/refs", "w/HEAD",
                                      "w/commondir"};
  for (const char* path : {"b/x.git/config", "b/x.git/hooks/update", "b/x.git/a/b/c", "w/config"}) {
    EXPECT_EQ(VerdictIn(tree, path), kHeld) << path;
  }
  for (const char* path : {"b/x", "b/x.git", "b/x.git2/config", "config", "v/config", ""}) {
    EXPECT_EQ(VerdictIn(tree, path), kOpen) << path;
  }
  EXPECT_EQ(VerdictIn({"HEAD", "objects", "refs"}, "config"), kHeld);
  EXPECT_EQ(VerdictIn({"HEAD", "objects"}, "config"), kOpen);  // git itself asks for both
  EXPECT_EQ(VerdictIn({"objects", "refs", "commondir"}, "config"), kOpen);
}

}  // namespace
}  // namespace ambit::review
