#include "plan/policy_tests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ambit::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

LaunchPlan SomePlan() {
  LaunchPlan plan;
  plan.layers = {{.name = "project",
                  .inside = "/home/ann/p",
                  .lower = "/home/ann/p",
                  .lower_id = std::nullopt,
                  .masks = {{.path = ".env", .content = "A=x"}, {.path = "keys", .hidden = true}}}};
  plan.mounts = {{.kind = Mount::Kind::kBind, .inside = "/usr", .host = "/usr", .read_only = true},
                 {.kind = Mount::Kind::kTmpfs, .inside = "/tmp"},
                 {.kind = Mount::Kind::kHome, .inside = "/home/ann"},
                 {.kind = Mount::Kind::kLayer, .inside = "/home/ann/p", .layer = 0}};
  plan.environment = {"HOME=/home/ann", "CI=1"};
  plan.network.host_ports = {5432};
  return plan;
}

bool Holds(const std::string& key, const std::string& text) {
  const policy::TestCase test{.key = key, .text = text, .origin = {}};
  return FailedTests(SomePlan(), std::span(&test, 1)).empty();
}

TEST(PolicyTests, KnowWhichFilesOfTheHostCanBeRead) {
  for (const char* hidden : {"/home/ann/.ssh/id_ed25519", "/etc/shadow", "/tmp/x",
                             "/home/ann/p/.env", "/home/ann/p/keys/a/b", "/home/annabel/x"}) {
    EXPECT_TRUE(Holds("fs_hidden", hidden)) << hidden;
    EXPECT_FALSE(Holds("fs_visible", hidden)) << hidden;
  }
  for (const char* visible :
       {"/usr/bin/sh", "/home/ann/p", "/home/ann/p/a.c", "/home/ann/p/.env2"}) {
    EXPECT_FALSE(Holds("fs_hidden", visible)) << visible;
    EXPECT_TRUE(Holds("fs_visible", visible)) << visible;
  }
}

TEST(PolicyTests, KnowVariables) {
  EXPECT_TRUE(Holds("env_hidden", "TOKEN"));
  EXPECT_TRUE(Holds("env_hidden", "C"));
  EXPECT_FALSE(Holds("env_hidden", "CI"));
}

TEST(PolicyTests, KnowWhatCanBeReached) {
  for (const char* denied :
       {"https://example.com", "udp://1.1.1.1:53", "localhost:80", "[::1]:22"}) {
    EXPECT_TRUE(Holds("net_deny", denied)) << denied;
  }
  for (const char* open : {"127.0.0.1:5432", "tcp://localhost:5432/x", "localhost"}) {
    EXPECT_FALSE(Holds("net_deny", open)) << open;
  }
  EXPECT_FALSE(Holds("net_deny", "example.com:http")) << "of nothing nothing is known";
}

TEST(PolicyTests, TakeWhatAPersonMayAllowForReachable) {
  LaunchPlan plan = SomePlan();
  plan.network.rules.ask = true;
  plan.network.rules.deny = {*policy::ParseNetRule("no.example", "--deny")};
  const auto fails = [&](const char* target) {
    const policy::TestCase test{.key = "net_deny", .text = target, .origin = {}};
    return !FailedTests(plan, std::span(&test, 1)).empty();
  };
  EXPECT_TRUE(fails("https://example.com"));
  EXPECT_FALSE(fails("https://no.example"));
}

TEST(PolicyTests, TellWhereTheTestStands) {
  const policy::TestCase test{
      .key = "env_hidden",
      .text = "CI",
      .origin = {
          .source = policy::SourceKind::kProject, .name = "ambit.toml", .line = 4, .column = 2}};
  EXPECT_THAT(FailedTests(SomePlan(), std::span(&test, 1)),
              ElementsAre("ambit.toml:4:2: test.env_hidden: 'CI' exists inside"));
  EXPECT_THAT(FailedTests(SomePlan(), {}), IsEmpty());
}

}  // namespace
}  // namespace ambit::plan
