#include "policy/policy.h"

#include <gtest/gtest.h>

namespace ambit::policy {
namespace {

TEST(Policy, DefaultIsValidAndAllowsNothingExtra) {
  const Policy policy;
  EXPECT_TRUE(Validate(policy));
  EXPECT_EQ(policy.project, ProjectMode::kCopyOnWrite);
  EXPECT_TRUE(policy.host_ports.empty());
}

TEST(Policy, RefusesPathsThatAreNotInNormalForm) {
  for (const char* path : {"relative", "/a/../b", "/a//b", "/a/", "/", "", "/a/./b"}) {
    EXPECT_FALSE(Validate(Policy{.read_only = {{.path = path, .from = "--ro"}}})) << path;
  }
  EXPECT_TRUE(Validate(Policy{.read_only = {{.path = "/opt/tools with space", .from = "--ro"},
                                            {.path = "/..hidden/x", .from = "--ro"}}}));
}

TEST(Policy, RefusesToReplaceWhatAmbitMakes) {
  for (const char* path : {"/proc", "/proc/sys", "/etc/shadow", "/dev", "/sys/fs"}) {
    const Status status = Validate(Policy{.copy_on_write = {{.path = path, .from = "--cow"}}});
    ASSERT_FALSE(status) << path;
    EXPECT_EQ(status.error().code, Errc::kInvalidArgument);
  }
  EXPECT_TRUE(Validate(Policy{.read_only = {{.path = "/etcetera", .from = "--ro"}}}));
}

TEST(Policy, KeepsDirectoriesAndNoSingleFiles) {
  EXPECT_TRUE(Validate(Policy{.keep = {{.path = "/home/ann/.claude/projects", .from = "keep"}}}));
  for (const char* path : {"/home/ann/../bob", "home", "/home/ann/", "/"}) {
    EXPECT_FALSE(Validate(Policy{.keep = {{.path = path, .from = "a.toml:1:2: fs.keep"}}})) << path;
  }
  const Status file =
      Validate(Policy{.keep = {{.path = "/home/ann/.claude.json", .from = "a.toml:1:2: fs.keep"}}});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().what.find("a.toml:1:2: fs.keep '/home/ann/.claude.json'"), 0U);
}

TEST(Policy, RefusesFilesThatAreNoneOrTooMany) {
  const auto file = [](std::string path, std::size_t size = 0) {
    return SyntheticFile{
        .path = std::move(path), .content = std::string(size, 'x'), .from = "preset a"};
  };
  EXPECT_TRUE(Validate(Policy{.files = {file("/etc/codex/a.toml"), file("/home/ann/.b", 1000)}}));
  for (std::string path :
       {std::string("x"), std::string("/etc/../x"), std::string("/etc/a\0b", 8)}) {
    EXPECT_FALSE(Validate(Policy{.files = {file(path)}})) << path;
  }
  const Status twice = Validate(Policy{.files = {file("/etc/a"), file("/etc/a")}});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().what, "preset a '/etc/a': preset a makes this file, too");
  EXPECT_TRUE(Validate(Policy{.files = {file("/etc/a", kMostFileBytes)}}));
  EXPECT_FALSE(Validate(Policy{.files = {file("/etc/a", kMostFileBytes), file("/etc/b", 1)}}));
  Policy many;
  for (std::size_t i = 0; i < kMostFiles; ++i)
    many.files.push_back(file("/etc/" + std::to_string(i)));
  EXPECT_TRUE(Validate(many));
  many.files.push_back(file("/etc/last"));
  EXPECT_FALSE(Validate(many));
}

TEST(Policy, RefusesBadEnvironmentNames) {
  for (const char* name : {"", "1A", "A B", "A=B", "Ä"}) {
    EXPECT_FALSE(Validate(Policy{.environment = {{.name = name, .value = std::nullopt}}})) << name;
  }
}

}  // namespace
}  // namespace ambit::policy
