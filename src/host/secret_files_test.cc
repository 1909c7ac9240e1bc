#include "host/secret_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "host/workspace_members.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SecretFiles : public ::testing::Test {
 protected:
  SecretFiles() {
    std::string name = (fs::temp_directory_path() / "ambit-secrets-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = fs::canonical(name);
  }
  ~SecretFiles() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text = "KEY=secret\n") {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary | std::ios::trunc) << text;
  }

  /// "PATH" for what is hidden, "PATH: CONTENT" for what is masked.
  std::vector<std::string> Found(const SecretPatterns& patterns = {}) {
    auto found = FindSecretFiles(root_, patterns);
    EXPECT_TRUE(found) << found.error().what;
    std::vector<std::string> out;
    for (const MaskedFile& file : found ? found->files : std::vector<MaskedFile>()) {
      EXPECT_EQ(file.layer, root_);
      out.push_back(file.hidden ? file.path : file.path + ": " + file.content);
    }
    return out;
  }

  std::vector<std::string> Members() {
    const auto fd = sys::OpenUnlinked(root_.c_str(), O_RDONLY | O_DIRECTORY);
    auto members = WorkspaceMembers(fd->get());
    EXPECT_TRUE(members) << members.error().what;
    return members ? *members : std::vector<std::string>();
  }

  fs::path root_;
};

TEST_F(SecretFiles, DefaultsMaskAndHideInTheTopDirectory) {
  Write(".env");
  Write(".env.local", "A=1\nB=2\n");
  Write(".ENV.prod");
  Write(".env.example");
  Write(".env.sample");
  Write("server.pem");
  Write("tls.key");
  Write("README.md");
  EXPECT_THAT(Found(),
              ElementsAre(".ENV.prod: KEY=ambit-placeholder\n", ".env: KEY=ambit-placeholder\n",
                          ".env.local: A=ambit-placeholder\nB=ambit-placeholder\n", "server.pem",
                          "tls.key"));
}

TEST_F(SecretFiles, KeepTheModeOfAMaskedFile) {
  Write(".env");
  ::chmod((root_ / ".env").c_str(), 0640);
  const auto found = FindSecretFiles(root_, {});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->files.size(), 1U);
  EXPECT_EQ(found->files.front().mode, 0640U);
}

TEST_F(SecretFiles, WithoutKeysAreAbsent) {
  Write(".env", "-----BEGIN PRIVATE KEY-----\n");
  Write(".envrc", "use flake\n");
  Write(".env.huge", "A=" + std::string(300 << 10, 'x') + "\n");
  EXPECT_THAT(Found(), ElementsAre(".env", ".env.huge", ".envrc"));
}

TEST_F(SecretFiles, DirectoriesOfSuchANameStay) {
  Write(".env/bin/python");
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(SecretFiles, OfWorkspaceMembersAreFoundAndDeeperOnesAreNot) {
  Write("packages/a/.env");
  Write("packages/a/deep/.env");
  EXPECT_THAT(Found(), IsEmpty());
  Write("package.json", R"({"workspaces": ["packages/*"]})");
  EXPECT_THAT(Found(), ElementsAre("packages/a/.env: KEY=ambit-placeholder\n"));
}

TEST_F(SecretFiles, AWalkIsMadeOnlyWhenAsked) {
  Write("a/b/c/.env");
  Write("a/node_modules/x/.env");
  Write("a/b/.env.example");
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(Found({.mask = {"**/.env*"}, .hide = {}, .unmask = {}}),
              ElementsAre("a/b/.env.example: KEY=ambit-placeholder\n",
                          "a/b/c/.env: KEY=ambit-placeholder\n",
                          "a/node_modules/x/.env: KEY=ambit-placeholder\n"));
}

TEST_F(SecretFiles, AnExampleIsMaskedWhenAPatternFitsIt) {
  Write(".env.example");
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_THAT(Found({.mask = {".env.*"}, .hide = {}, .unmask = {}}),
              ElementsAre(".env.example: KEY=ambit-placeholder\n"));
  EXPECT_THAT(Found({.mask = {".env.example"}, .hide = {}, .unmask = {}}),
              ElementsAre(".env.example: KEY=ambit-placeholder\n"));
}

TEST_F(SecretFiles, APatternOfADirectoryMeansThatDirectory) {
  Write("config/prod.conf", "A=1\n");
  Write("prod.conf", "A=1\n");
  EXPECT_THAT(Found({.mask = {"config/*.conf"}, .hide = {}, .unmask = {}}),
              ElementsAre("config/prod.conf: A=ambit-placeholder\n"));
}

TEST_F(SecretFiles, AHiddenDirectoryHoldsNothingElseToHide) {
  Write("notes/.env");
  Write("notes/private.txt");
  EXPECT_THAT(Found({.mask = {"**/.env"}, .hide = {"notes/"}, .unmask = {}}), ElementsAre("notes"));
}

TEST_F(SecretFiles, WhatIsUnmaskedIsShown) {
  Write(".env");
  Write(".env.test");
  Write("a/.env.test");
  EXPECT_THAT(Found({.mask = {"**/.env*"}, .hide = {}, .unmask = {".env.test"}}),
              ElementsAre(".env: KEY=ambit-placeholder\n"));
}

TEST_F(SecretFiles, SayWhichPatternFitsNothing) {
  Write(".env");
  Write("notes/n");
  const auto found =
      FindSecretFiles(root_, {.mask = {".env", "nots"}, .hide = {"notes"}, .unmask = {"*.none"}});
  ASSERT_TRUE(found);
  std::vector<std::string> unmatched;
  for (const auto& [flag, pattern] : found->unmatched) unmatched.push_back(flag + " " + pattern);
  EXPECT_THAT(unmatched, ElementsAre("--mask nots", "--hide notes", "--unmask *.none"));
}

TEST_F(SecretFiles, ALinkMasksWhatItLeadsToInTheProject) {
  Write("secrets/prod", "TOKEN=x\n");
  fs::create_symlink("secrets/prod", root_ / ".env");
  fs::create_symlink("/etc/hostname", root_ / ".env.out");
  fs::create_symlink("gone", root_ / ".env.gone");
  EXPECT_THAT(Found(), ElementsAre("secrets/prod: TOKEN=ambit-placeholder\n"));
}

TEST_F(SecretFiles, ANamedDirectoryMayBeALink) {
  Write("real/a.conf", "A=1\n");
  fs::create_symlink("real", root_ / "config");
  EXPECT_THAT(Found({.mask = {"config/a.conf"}, .hide = {}, .unmask = {}}),
              ElementsAre("real/a.conf: A=ambit-placeholder\n"));
}

TEST_F(SecretFiles, RefuseAPatternThatMeansNothing) {
  for (const char* pattern : {"", "/", "/etc/passwd", "../x", "a/../../x", "*/x", "**/a/b", ".."}) {
    const auto files = FindSecretFiles(root_, {.mask = {pattern}, .hide = {}, .unmask = {}});
    ASSERT_FALSE(files) << pattern;
    EXPECT_EQ(files.error().code, Errc::kInvalidArgument) << pattern;
  }
}

TEST_F(SecretFiles, MembersAreTheDirectoriesOfTwoLevelsAndWhatIsNamedDeeper) {
  for (const char* dir : {"a/1/x", "b", "deep/1/2", "deep/1/3/4", "node_modules/m", ".git/x"}) {
    fs::create_directories(root_ / dir);
  }
  fs::create_directory_symlink("/usr", root_ / "out");
  Write("Cargo.toml", "[ workspace ] # all\nmembers = [ 'b', \"deep/*/2\", # c\n \"../x/y/z\"]\n");
  EXPECT_THAT(Members(), ElementsAre("a", "a/1", "b", "deep", "deep/1", "deep/1/2"));
}

TEST_F(SecretFiles, EverySpellingOfAManifestDeclaresMembers) {
  fs::create_directories(root_ / "p/a");
  const std::pair<const char*, const char*> manifests[] = {
      {"package.json", R"({"workspaces": {"packages": ["p/{a,b}"]},})"},
      {"pnpm-workspace.yaml", "packages: [\"p/*\"] # all\n"},
      {"lerna.json", "{}"},
      {"deno.json", R"({"workspace": ["./p/a"]})"},
      {"Cargo.toml", "workspace.members = ['p/[ab]']\n"},
      {"pyproject.toml", "[tool.uv.workspace]\nmembers = ['p/*']\n"},
      {"go.work", "use\t./p/a\n"}};
  for (const auto& [name, text] : manifests) {
    Write(name, text);
    EXPECT_THAT(Members(), ElementsAre("p", "p/a")) << name;
    fs::rename(root_ / name, root_ / "elsewhere");
    fs::create_symlink("elsewhere", root_ / name);
    EXPECT_THAT(Members(), ElementsAre("p", "p/a")) << name << " as a link";
    fs::remove(root_ / name);
  }
  Write("package.json", R"({"name": "no parts"})");
  EXPECT_THAT(Members(), IsEmpty());
}

TEST_F(SecretFiles, AManifestThatCannotBeReadDeclaresMembers) {
  fs::create_directories(root_ / "p/a");
  ASSERT_EQ(::mkfifo((root_ / "Cargo.toml").c_str(), 0600), 0);
  EXPECT_THAT(Members(), ElementsAre("p", "p/a"));
  fs::remove(root_ / "Cargo.toml");
  Write("package.json", std::string(2U << 20, ' '));
  EXPECT_THAT(Members(), ElementsAre("p", "p/a"));
}

TEST_F(SecretFiles, APatternForEverywhereIsToldWhereItFitsInGitAndHoldsNot) {
  Write(".git/config", "x\n");
  Write(".git/objects/ab/config", "x\n");
  Write("sub/.git/config", "x\n");
  Write("sub/config", "A=1\n");
  const auto found = FindSecretFiles(root_, {.mask = {"**/config"}, .hide = {}, .unmask = {}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->in_git.size(), 1U);
  EXPECT_THAT(found->in_git[0].path, HasSubstr(".git/config"));
  ASSERT_EQ(found->files.size(), 1U);
  EXPECT_EQ(found->files[0].path, "sub/config");
}

TEST_F(SecretFiles, MorePatternsTimesNamesThanTheBoundAreRefused) {
  std::vector<std::string> patterns;
  const std::string many_stars = "**/*" + std::string(200, 'a') + "*b";
  for (int i = 0; i < 2'000; ++i) patterns.push_back(many_stars + std::to_string(i));
  for (int i = 0; i < 200; ++i) Write(fmt::format("{}{}", std::string(230, 'a'), i));
  const auto found = FindSecretFiles(root_, {.mask = {}, .hide = patterns, .unmask = {}});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::kLimit);
  EXPECT_THAT(found.error().remedy, HasSubstr("fewer patterns"));
}

TEST_F(SecretFiles, OfAPartAreThoseThatItHasInTheWhole) {
  Write("part/plain.txt", "1\n");
  Write("part/a/.env", "K=1\n");
  Write("common/prod", "K=1\n");
  Write("other/a/.env", "K=1\n");
  fs::create_symlink("../common/prod", root_ / "part/.env");
  Write("package.json", R"({"workspaces": ["part/*", "other/*"]})");
  const auto found = FindSecretFiles(
      root_ / "part", {.mask = {}, .hide = {"part/plain.txt"}, .unmask = {}}, {root_});
  ASSERT_TRUE(found) << found.error().what;
  ASSERT_EQ(found->files.size(), 2U);
  EXPECT_EQ(found->files[0].layer, root_ / "part");
  EXPECT_EQ(found->files[0].path, "a/.env");
  EXPECT_EQ(found->files[1].path, "plain.txt");
  EXPECT_THAT(found->unmatched, IsEmpty());
}

TEST_F(SecretFiles, AllThatIsShownTogetherIsBounded) {
  std::string text;
  while (text.size() < 60'000) text += "A=\n";
  for (int i = 0; i < 30; ++i) Write(fmt::format(".env{}", i), text);
  std::size_t shown = 0;
  for (const std::string& file : Found()) shown += file.size();
  EXPECT_LT(shown, 5U << 20);
  EXPECT_EQ(Found().size(), 30U);
}

TEST(MatchesName, StarsAndQuestionMarksInAnyCase) {
  EXPECT_TRUE(MatchesName("*.pem", "a.PEM"));
  EXPECT_TRUE(MatchesName("*a*b*", "xxaxxbxx"));
  EXPECT_TRUE(MatchesName("a?c", "abc"));
  EXPECT_TRUE(MatchesName("*", ""));
  EXPECT_FALSE(MatchesName("*.pem", "pem"));
  EXPECT_FALSE(MatchesName("a?c", "ac"));
  EXPECT_FALSE(MatchesName("", "a"));
}

}  // namespace
}  // namespace ambit::host
