#include "host/git_project.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ambit::host {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Project : public ::testing::Test {
 protected:
  Project() {
    std::string name = (fs::temp_directory_path() / "ambit-git-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    base_ = fs::canonical(name);
  }
  ~Project() override { fs::remove_all(base_); }

  /// Runs git commands in a clean environment.
  void Sh(const std::string& script) {
    const std::string command =
        "cd '" + base_.string() +
        "' && env -i PATH=\"$PATH\" HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a "
        "GIT_AUTHOR_EMAIL=a@x GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@x sh -ec '" +
        script + "' >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << script;
  }
  void MakeRepository(const std::string& name) {
    Sh("git init -q " + name + " && git -C " + name + " commit -q --allow-empty -m first");
  }
  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((base_ / path).parent_path());
    std::ofstream(base_ / path, std::ios::binary | std::ios::trunc) << text;
  }
  std::string At(const std::string& path) const { return base_ / path; }
  GitProject Inspect(const std::string& name, const std::vector<std::string>& allowed = {}) {
    auto project = InspectGitProject(At(name), allowed);
    EXPECT_TRUE(project) << project.error().what;
    return project ? *std::move(project) : GitProject{};
  }
  /// The pointer is refused by name and nothing from outside comes in.
  void ExpectRefused(const GitProject& project, const std::string& flag) {
    ASSERT_EQ(project.refused.size(), 1U);
    EXPECT_EQ(project.refused[0].flag, flag);
    EXPECT_THAT(project.cow_dirs, IsEmpty());
    EXPECT_THAT(project.masked_files, IsEmpty());
  }

  fs::path base_;
};

TEST_F(Project, WithoutGitIsNone) {
  fs::create_directory(At("p"));
  const GitProject project = Inspect("p");
  EXPECT_EQ(project.layout, GitLayout::kNone);
  EXPECT_THAT(project.refused, IsEmpty());
}

TEST_F(Project, APlainRepositoryNeedsNothing) {
  MakeRepository("p");
  const GitProject project = Inspect("p");
  EXPECT_EQ(project.layout, GitLayout::kDirectory);
  EXPECT_EQ(project.git_dir, At("p/.git"));
  EXPECT_THAT(project.cow_dirs, IsEmpty());
  EXPECT_THAT(project.refused, IsEmpty());
  EXPECT_THAT(project.masked_files, IsEmpty());
}

TEST_F(Project, ALinkedWorktreeBringsItsRepository) {
  MakeRepository("main");
  Sh("git -C main worktree add -q ../wt && git -C main remote add o https://u:secret@h/x");
  const GitProject project = Inspect("wt");
  EXPECT_EQ(project.layout, GitLayout::kWorktree);
  EXPECT_EQ(project.common_dir, At("main/.git"));
  EXPECT_EQ(project.git_dir, At("main/.git/worktrees/wt"));
  EXPECT_THAT(project.cow_dirs, ElementsAre(At("main/.git")));
  ASSERT_EQ(project.masked_files.size(), 1U);
  EXPECT_EQ(project.masked_files[0].layer, At("main/.git"));
  EXPECT_EQ(project.masked_files[0].path, "config");
  EXPECT_EQ(project.masked_files[0].mode, 0644U);
  EXPECT_THAT(project.masked_files[0].content, HasSubstr("https://h/x"));
}

TEST_F(Project, ASubmoduleCheckoutBringsItsModule) {
  MakeRepository("lib");
  MakeRepository("super");
  Sh("cd super && git -c protocol.file.allow=always submodule add -q ../lib sub");
  const GitProject project = Inspect("super/sub");
  EXPECT_EQ(project.layout, GitLayout::kPointsBack);
  EXPECT_THAT(project.cow_dirs, ElementsAre(At("super/.git/modules/sub")));
  EXPECT_THAT(project.refused, IsEmpty());
}

TEST_F(Project, TheConfigurationsOfSubmodulesAreMaskedToo) {
  MakeRepository("lib");
  MakeRepository("super");
  Sh("cd super && git -c protocol.file.allow=always submodule add -q --name a/b ../lib sub");
  Sh("git -C super/sub remote set-url origin https://u:secret@h/x");
  const GitProject project = Inspect("super");
  ASSERT_EQ(project.masked_files.size(), 1U);
  EXPECT_EQ(project.masked_files[0].path, ".git/modules/a/b/config");
}

TEST_F(Project, ASeparateGitDirectoryIsHonouredOnceItPointsBack) {
  Sh("git init -q --separate-git-dir=apart.git p");  // git itself writes no way back
  ExpectRefused(Inspect("p"), "--ro " + At("apart.git"));
  Sh("git -C p config core.worktree " + At("p"));
  const GitProject project = Inspect("p");
  EXPECT_EQ(project.layout, GitLayout::kPointsBack);
  EXPECT_THAT(project.cow_dirs, ElementsAre(At("apart.git")));
}

TEST_F(Project, APointerInsideTheProjectIsFine) {
  Sh("mkdir p && cd p && git init -q --bare .bare && echo \"gitdir: ./.bare\" > .git");
  const GitProject project = Inspect("p");
  EXPECT_EQ(project.layout, GitLayout::kDirectory);
  EXPECT_EQ(project.git_dir, At("p/.bare"));
  EXPECT_THAT(project.cow_dirs, IsEmpty());
}

TEST_F(Project, RefusesAPointerThatIsNotAnswered) {
  MakeRepository("other");
  Write("p/.git", "gitdir: /etc\n");
  ExpectRefused(Inspect("p"), "--ro /etc");
  Write("p/.git", "gitdir: ../other/.git\n");
  ExpectRefused(Inspect("p"), "--ro " + At("other/.git"));
  Sh("git -C other worktree add -q ../wt");  // answered, but to another project
  Write("p/.git", "gitdir: " + At("other/.git/worktrees/wt") + "\n");
  ExpectRefused(Inspect("p"), "--ro " + At("other/.git"));
  EXPECT_THAT(Inspect("p", {At("other")}).refused, IsEmpty());  // the user brought it in
}

TEST_F(Project, RefusesALinkThatLeavesTheProject) {
  MakeRepository("other");
  fs::create_directory(At("p"));
  fs::create_directory_symlink("../other/.git", At("p/.git"));
  ExpectRefused(Inspect("p"), "--ro " + At("other/.git"));
}

TEST_F(Project, AForgedGitDirectoryCannotBorrowARepository) {
  MakeRepository("other");
  // Written wholly by the project: it points back, but the repository does not list it.
  Write("p/.git", "gitdir: fake/worktrees/x\n");
  Write("p/fake/worktrees/x/gitdir", At("p/.git") + "\n");
  Write("p/fake/worktrees/x/commondir", At("other/.git") + "\n");
  ExpectRefused(Inspect("p"), "--ro " + At("other/.git"));

  fs::remove_all(At("p"));
  MakeRepository("p");
  Write("p/.git/commondir", "../../other/.git\n");
  ExpectRefused(Inspect("p"), "--ro " + At("other/.git"));
}

TEST_F(Project, RefusesARepositoryThatContainsTheProject) {
  Sh("git init -q --bare all && git -C all commit-tree -m x $(git -C all mktree </dev/null) > c && "
     "git -C all worktree add -q inner $(cat c)");
  const GitProject project = Inspect("all/inner");
  ASSERT_EQ(project.refused.size(), 1U);
  EXPECT_THAT(project.refused[0].reason, HasSubstr("contains the project"));
}

TEST_F(Project, HostilePointerFilesAreRefused) {
  MakeRepository("p");
  fs::remove_all(At("p/.git"));
  for (const std::string& text :
       {std::string("gitdir: " + std::string(1 << 20, 'x')), std::string("gitdir: a\0b\n", 12),
        std::string("gitdir: \n"), std::string("nonsense"), std::string(),
        std::string("gitdir: .git\n"), std::string("gitdir: /proc/self/root/etc\n")}) {
    Write("p/.git", text);
    const GitProject project = Inspect("p");
    EXPECT_EQ(project.refused.size(), 1U) << text.substr(0, 40);
    EXPECT_THAT(project.cow_dirs, IsEmpty());
  }
  fs::remove(At("p/.git"));
  ASSERT_EQ(::mkfifo(At("p/.git").c_str(), 0600), 0);
  EXPECT_EQ(Inspect("p").refused.size(), 1U);
}

TEST_F(Project, AlternatesOutsideAreRefusedUnlessAllowed) {
  MakeRepository("source");
  Sh("git clone -q --shared source p");
  ExpectRefused(Inspect("p"), "--ro " + At("source/.git/objects"));
  const GitProject allowed = Inspect("p", {At("source")});
  EXPECT_THAT(allowed.refused, IsEmpty());
  EXPECT_EQ(allowed.layout, GitLayout::kDirectory);
}

TEST_F(Project, AlternatesOfAlternatesAndLoopsEnd) {
  MakeRepository("a");
  MakeRepository("b");
  MakeRepository("p");
  Write("p/.git/objects/info/alternates", At("a/.git/objects") + "\n");
  Write("a/.git/objects/info/alternates",
        At("b/.git/objects") + "\n" + At("a/.git/objects") + "\n");
  Write("b/.git/objects/info/alternates", At("a/.git/objects") + "\n");
  const GitProject project = Inspect("p", {At("a")});
  ASSERT_EQ(project.refused.size(), 1U);
  EXPECT_EQ(project.refused[0].target, At("b/.git/objects"));
  EXPECT_EQ(project.refused[0].file, At("a/.git/objects/info/alternates"));
}

TEST_F(Project, AConfigurationThatCannotBeParsedStopsTheRun) {
  MakeRepository("p");
  Write("p/.git/config", "[remote \"o\"\nurl = https://u:secret@h/\n");
  const auto project = InspectGitProject(At("p"), {});
  ASSERT_FALSE(project);
  EXPECT_THAT(project.error().what, HasSubstr("config"));
  EXPECT_FALSE(project.error().remedy.empty());
}

TEST_F(Project, ALinkInPlaceOfTheConfigurationIsRefused) {
  MakeRepository("p");
  fs::remove(At("p/.git/config"));
  fs::create_symlink("/etc/passwd", At("p/.git/config"));
  ExpectRefused(Inspect("p"), "");
}

TEST(ParseAlternates, ReadsCommentsAndQuotedPaths) {
  const auto paths = ParseAlternates("# no\n/a b\n\n\"/q\\303\\244\\\"\"\n\"broken\n");
  ASSERT_TRUE(paths);
  EXPECT_THAT(*paths, ElementsAre("/a b", "/q\xC3\xA4\"", "\"broken"));
}

}  // namespace
}  // namespace ambit::host
