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

TEST(Policy, RefusesBadEnvironmentNames) {
  for (const char* name : {"", "1A", "A B", "A=B", "Ä"}) {
    EXPECT_FALSE(Validate(Policy{.environment = {{.name = name, .value = std::nullopt}}})) << name;
  }
}

}  // namespace
}  // namespace ambit::policy
