#include "plan/home_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/plan.h"

namespace ambit::plan {
namespace {

using ::testing::AllOf;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kProject = "/home/ann/code/p";

host::HostFacts SomeHost() {
  host::HostFacts facts;
  facts.person = {.uid = 1001,
                  .gid = 1001,
                  .name = "ann",
                  .home = "/home/ann",
                  .own_home = "/home/ann",
                  .shell = "/bin/sh"};
  facts.system = {{.path = "/usr"}};
  facts.etc = {{.path = "/etc/ssl"},
               {.path = "/etc/shells", .directory = false, .content = "/bin/sh\n"}};
  facts.project = {.root = kProject, .cwd = kProject, .owner = 1001, .group = 1001};
  facts.state_root = "/var/lib/ann/ambit/runs";
  return facts;
}

Result<LaunchPlan> Plan(const policy::Policy& policy, const host::HostFacts& facts = SomeHost()) {
  Request request;
  request.argv = {"true"};
  request.identity = {.inside_uid = 1001, .disk_uid = 1001, .user_name = "ann"};
  return Make(policy, facts, request);
}

policy::Policy Keeping(std::vector<std::string> paths) {
  policy::Policy policy;
  for (std::string& path : paths) {
    policy.keep.push_back({.path = std::move(path), .from = "x.toml:1:1: fs.keep"});
  }
  return policy;
}

policy::Policy With(std::vector<std::string> files) {
  policy::Policy policy;
  for (std::string& path : files) {
    policy.files.push_back({.path = std::move(path), .content = "new", .from = "preset p"});
  }
  return policy;
}

void ExpectRefused(const policy::Policy& policy, const std::string& what,
                   const host::HostFacts& facts = SomeHost()) {
  const auto plan = Plan(policy, facts);
  ASSERT_FALSE(plan) << what;
  EXPECT_EQ(plan.error().code, Errc::kInvalidArgument);
  EXPECT_THAT(plan.error().what, HasSubstr(what));
}

TEST(Kept, IsMountedWritableAtItsPlaceAndTold) {
  const auto plan = Plan(Keeping({"/home/ann/.claude/projects"}));
  ASSERT_TRUE(plan) << plan.error().what;
  const auto mount = std::ranges::find(plan->mounts, Mount::Kind::kKept, &Mount::kind);
  ASSERT_NE(mount, plan->mounts.end());
  EXPECT_EQ(mount->inside, "/home/ann/.claude/projects");
  EXPECT_FALSE(mount->read_only);
  EXPECT_FALSE(WritesToHost(*mount));
  EXPECT_TRUE(Outlives(*mount));
  const auto rule = std::ranges::find(plan->landlock, mount->inside, &LandlockRule::inside);
  ASSERT_NE(rule, plan->landlock.end());
  EXPECT_TRUE(sys::Has(rule->access, sys::LandlockAccess::kWrite));
  ASSERT_EQ(plan->warnings.size(), 1U);
  EXPECT_THAT(plan->warnings[0], HasSubstr("~/.claude/projects"));
  EXPECT_TRUE(LiesBelowAMount(*plan, "/home/ann/.claude/projects/x"));
}

TEST(Kept, OneDirectoryForEachPlaceOfEachProject) {
  const auto kept = [](const std::string& project, const std::string& place) {
    host::HostFacts facts = SomeHost();
    facts.project.root = project;
    return MakeKept(Keeping({"/home/ann/" + place}), facts).value().at(0).name;
  };
  const std::string name = kept("/home/ann/a/p", ".x/y z");
  EXPECT_THAT(name, ::testing::MatchesRegex("p-[0-9a-f]{16}/y-z-[0-9a-f]{16}"));
  EXPECT_EQ(kept("/home/ann/a/p", ".x/y z"), name);
  EXPECT_NE(kept("/home/ann/b/p", ".x/y z"), name);
  EXPECT_NE(kept("/home/ann/a/p", ".x/y-z"), name);
  EXPECT_THAT(kept("/", std::string(200, 'a') + "/..."), ::testing::MatchesRegex("-.{16}/-.{16}"));
  // Named twice, by a preset and by a person, it is one.
  EXPECT_EQ(MakeKept(Keeping({"/home/ann/.x", "/home/ann/.x"}), SomeHost()).value().size(), 1U);
}

TEST(Kept, LiesBelowTheHomeAndNowhereElse) {
  ExpectRefused(Keeping({"/home/ann"}), "x.toml:1:1: fs.keep '/home/ann': not below the home");
  for (const char* path : {"/home", "/home/anna/x", "/data", "/etc/x", "/usr/lib"}) {
    ExpectRefused(Keeping({path}), "not below the home");
  }
}

TEST(Kept, IsNoFile) {
  host::HostFacts facts = SomeHost();
  facts.plain_files = {"/home/ann/.history"};
  ExpectRefused(Keeping({"/home/ann/.history"}), "only directories can be kept", facts);
}

TEST(Kept, TouchesNothingElseThatIsShown) {
  ExpectRefused(Keeping({"/home/ann/code"}), "'/home/ann/code/p' is shown from the host");
  ExpectRefused(Keeping({kProject}), "is shown from the host");
  ExpectRefused(Keeping({std::string(kProject) + "/state"}), "is shown from the host");
  ExpectRefused(Keeping({"/home/ann/.x", "/home/ann/.x/y"}), "'/home/ann/.x/y' is kept");
  for (const char* other : {"/home/ann/.x", "/home/ann/.x/y", "/home/ann/.x/y/z"}) {
    policy::Policy policy = Keeping({"/home/ann/.x/y"});
    policy.read_only = {{.path = other, .from = "--ro"}};
    ExpectRefused(policy, "is shown from the host");
    policy.copy_on_write.swap(policy.read_only);
    ExpectRefused(policy, "is shown from the host");
  }
  policy::Policy beside = Keeping({"/home/ann/.x/y"});
  beside.read_only = {{.path = "/home/ann/.x/yz", .from = "--ro"}};
  EXPECT_TRUE(Plan(beside));

  host::HostFacts facts = SomeHost();
  facts.aliases = {{.path = "/home/ann/.x", .link_target = "/data", .directory = false}};
  ExpectRefused(Keeping({"/home/ann/.x/y"}), "is a link", facts);
}

TEST(Files, LieInTheHomeOrInEtc) {
  const auto plan =
      Plan(With({"/etc/codex/managed_config.toml", "/home/ann/.gemini/settings.json"}));
  ASSERT_TRUE(plan) << plan.error().what;
  EXPECT_THAT(plan->root, ::testing::Contains(AllOf(
                              Field(&RootEntry::path, "/etc/codex/managed_config.toml"),
                              Field(&RootEntry::content, "new"), Field(&RootEntry::mode, 0644U))));
  ASSERT_EQ(plan->home_files.size(), 1U);
  EXPECT_EQ(plan->home_files[0].path, "/home/ann/.gemini/settings.json");
  EXPECT_THAT(plan->warnings, IsEmpty());
  for (const char* path : {"/home/ann", "/usr/x", "/tmp/x", "/root/x", "/etcetera", "/etc"}) {
    ExpectRefused(With({path}), std::string("preset p '") + path + "': neither below the home");
  }
}

TEST(Files, ReplaceNothingThatAmbitMakesOrShows) {
  for (const char* path :
       {"/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/etc/gitconfig",
        "/etc/profile", "/etc/mtab", "/etc/shells", "/etc/passwd/x"}) {
    ExpectRefused(With({path}), "is made for each run");
  }
  for (const char* path : {"/etc/ssl", "/etc/ssl/certs/mine.pem"}) {
    ExpectRefused(With({path}), "'/etc/ssl' is shown from the host");
  }
  ExpectRefused(With({"/etc/a", "/etc/a/b"}), "preset p '/etc/a/b'");
  ExpectRefused(With({"/etc/a/b", "/etc/a"}), "preset p '/etc/a'");
  ExpectRefused(With({"/home/ann/a", "/home/ann/a/b"}), "'/home/ann/a' is a file");
  ExpectRefused(With({"/home/ann/a/b", "/home/ann/a"}), "'/home/ann/a/b' is a file");
}

TEST(Files, NeverLieInWhatIsTheHostsOrIsKept) {
  ExpectRefused(With({std::string(kProject) + "/.claude/settings.json"}), "is shown from the host");
  ExpectRefused(With({"/home/ann/code"}), "is shown from the host");
  for (const char* shown : {"/home/ann/.x", "/home/ann/.x/a.json"}) {
    policy::Policy policy = With({"/home/ann/.x/a.json"});
    policy.copy_on_write = {{.path = shown, .from = "--cow"}};
    ExpectRefused(policy, "is shown from the host");
  }
  policy::Policy kept = With({"/home/ann/.x/a.json"});
  kept.keep = Keeping({"/home/ann/.x"}).keep;
  ExpectRefused(kept, "'/home/ann/.x' is kept");
  kept.keep = Keeping({"/home/ann/.x/b"}).keep;
  EXPECT_TRUE(Plan(kept));

  host::HostFacts facts = SomeHost();
  facts.aliases = {{.path = "/home/ann/elsewhere", .link_target = "/data", .directory = false}};
  ExpectRefused(With({"/home/ann/elsewhere/x"}), "is a link", facts);
}

}  // namespace
}  // namespace ambit::plan
