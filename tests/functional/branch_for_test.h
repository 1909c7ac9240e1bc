#pragma once
// A project with a repository, a run in it and what `ambit branch` brings of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {

class BranchTest : public ::testing::TestWithParam<Who> {
 protected:
  BranchTest() {
    person_.Write("home/.gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.invalid\n");
    person_.Write("project/a.txt", "one\n");
    person_.Write("project/dir/b.txt", "b\n");
    person_.Write("project/.gitignore", "*.log\n/build/\n");
    person_.MakeGitProject();
  }

  std::string Git(const std::string& arguments, const std::string& cwd = {}) {
    const Finished done = person_.Execute({"sh", "-c", "git " + arguments + " 2>&1"}, cwd);
    return done.out;
  }

  /// Every file of the project and its repository but objects and what `feat` consists of; the
  /// index, HEAD, configuration, hooks and every other ref among them.
  std::string HostState(const std::string& dir = {}) {
    const Finished listing = person_.Execute(
        {"sh", "-c",
         "cd \"$1\" && find . -path '*/objects/*' -prune -o -path '*/refs/heads/feat' -prune -o "
         "-path '*/logs/refs/heads/feat' -prune -o ! -type d -printf '%p %y %m %U:%G %s %T@ %l\\n' "
         "| LC_ALL=C sort; find . -path '*/objects/[0-9a-f]*' -prune -o -path '*/objects/pack' "
         "-prune -o -path '*/refs/heads/feat' -prune -o -path '*/logs/refs/heads/feat' -prune -o "
         "-type f -exec sha1sum {} + | LC_ALL=C sort",
         "sh", dir.empty() ? person_.project() : dir},
        "/");
    EXPECT_EQ(listing.exit_code, 0) << listing.err;
    return listing.out;
  }

  std::string Objects() {
    return person_.Execute({"sh", "-c", "find .git/objects -type f | LC_ALL=C sort"}).out;
  }

  void Inside(const std::string& script) {
    const Finished run = person_.Sh("set -e; " + script);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }

  Finished Bring(std::vector<std::string> more = {}, const std::string& cwd = {}) {
    more.insert(more.begin(), {"branch", "feat"});
    return person_.Ambit(std::move(more), cwd);
  }

  void ExpectBrought(std::vector<std::string> more = {}) {
    const std::string before = HostState();
    const Finished brought = Bring(std::move(more));
    EXPECT_EQ(brought.exit_code, 0) << brought.err;
    EXPECT_EQ(HostState(), before);
    EXPECT_EQ(Git("fsck --strict --no-dangling"), "");
  }

  /// Nothing at all arrives: no ref, no object, no file left behind.
  void ExpectRefused(const std::string& named, std::vector<std::string> more = {}) {
    const std::string before = HostState();
    const std::string objects = Objects();
    const Finished refused = Bring(std::move(more));
    EXPECT_EQ(refused.exit_code, 125) << refused.out;
    EXPECT_THAT(refused.err, ::testing::HasSubstr(named));
    EXPECT_EQ(HostState(), before);
    EXPECT_EQ(Objects(), objects);
    EXPECT_FALSE(person_.Exists("project/.git/refs/heads/feat"));
    EXPECT_EQ(person_.Execute({"sh", "-c", "find ../home -name 'ambit-branch-*'"}).out, "");
  }

  Scratch person_{GetParam()};
};
}  // namespace ambit::testing
