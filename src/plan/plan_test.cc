#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "plan/mounts.h"
#include "plan/plan_json.h"
#include "plan/root_entries.h"

namespace ambit::plan {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

host::SystemPath Link(std::string path, std::string target) {
  return {
      .path = std::move(path), .link_target = std::move(target), .directory = false, .content = {}};
}

/// A merged-/usr host with a person and a project, as a value.
host::HostFacts SomeHost(bool root) {
  host::HostFacts facts;
  facts.person = {.uid = root ? 0U : 1001U,
                  .gid = root ? 0U : 1001U,
                  .name = root ? "root" : "ann",
                  .home = root ? "/root" : "/home/ann",
                  .own_home = root ? "/root" : "/home/ann",
                  .shell = "/bin/bash"};
  facts.system = {
      {.path = "/usr"}, {.path = "/opt"}, Link("/bin", "usr/bin"), Link("/lib64", "usr/lib64")};
  facts.etc = {{.path = "/etc/alternatives"},
               {.path = "/etc/ld.so.cache", .directory = false},
               {.path = "/etc/shells", .directory = false, .content = "/bin/sh\n"},
               Link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")};
  facts.project = {.root = facts.person.home + "/code/p",
                   .cwd = facts.person.home + "/code/p/src",
                   .owner = facts.person.uid,
                   .group = facts.person.gid};
  facts.environment = {{"PATH", "/usr/local/bin:/usr/bin:/home/ann/bin:/snap/bin:/bin"},
                       {"TERM", "xterm"},
                       {"LANG", "C.UTF-8"},
                       {"TOKEN", "do-not-print"}};
  return facts;
}

Identity SomeIdentity(bool root) {
  if (!root) {
    return {.inside_uid = 1001,
            .inside_gid = 1001,
            .outside_uid = 1001,
            .outside_gid = 1001,
            .disk_uid = 1001,
            .disk_gid = 1001,
            .egress_uid = 1001,
            .user_name = "ann"};
  }
  return {.started_by_root = true,
          .inside_uid = 1000,
          .inside_gid = 1000,
          .outside_uid = 1'900'000'000,
          .outside_gid = 1'900'000'000,
          .others_base = 1'900'000'002,
          .disk_uid = 0,
          .disk_gid = 0,
          .egress_uid = 1'900'000'001,
          .user_name = "agent"};
}

Request SomeRequest(bool root) {
  Request request;
  request.argv = {"claude", "-p", "fix \"it\"\n"};
  request.identity = SomeIdentity(root);
  request.git = {.layout = host::GitLayout::kWorktree,
                 .git_dir = "/srv/main/.git/worktrees/p",
                 .common_dir = "/srv/main/.git",
                 .cow_dirs = {"/srv/main/.git"},
                 .refused = {},
                 .masked_files = {{.layer = "/srv/main/.git",
                                   .path = "config",
                                   .content = "[remote] masked-content",
                                   .mode = 0600}}};
  request.author = {.name = "Ann \"A\"", .email = "ann@example.invalid"};
  request.machine = {.memory = std::uint64_t{16} << 30,
                     .processors = 8,
                     .free_disk = std::uint64_t{100} << 30,
                     .free_inodes = 6'000'000,
                     .open_files = 4096,
                     .cgroup = {}};
  return request;
}

policy::Policy SomePolicy() {
  policy::Policy policy;
  policy.read_only = {{.path = "/data/set", .from = "--ro"},
                      {.path = "/data/one.txt", .from = "--ro"}};
  policy.copy_on_write = {{.path = "/tmp/cache", .from = "--cow"}};
  policy.environment = {{.name = "TOKEN", .value = std::nullopt}, {.name = "MODE", .value = "ci"}};
  policy.host_ports = {5432};
  policy.limits.Of(policy::Limit::kTime) = {
      .chosen = 90'000, .from = "--time", .at_most = {}, .at_most_from = {}};
  return policy;
}

LaunchPlan SomePlan(bool root) {
  host::HostFacts facts = SomeHost(root);
  facts.plain_files = {"/data/one.txt"};
  facts.aliases = {Link("/projects", "/home/ann/code"), Link("/tmp/now", "/projects")};
  policy::Policy policy = SomePolicy();
  policy.keep = {{.path = facts.person.home + "/.agent/history", .from = "keep"}};
  policy.files = {{.path = "/etc/agent/managed.toml", .content = "sandbox = true\n", .from = "p"},
                  {.path = facts.person.home + "/.agent/a.json", .content = "{}\n", .from = "p"}};
  auto plan = Make(policy, facts, SomeRequest(root));
  EXPECT_TRUE(plan) << plan.error().what;
  return *std::move(plan);
}

void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string path = std::string(AMBIT_GOLDEN_DIR) + "/" + name;
  if (const char* update = std::getenv("AMBIT_UPDATE_GOLDEN");
      update != nullptr && std::string_view(update) == "1") {
    std::ofstream out(path, std::ios::trunc);
    out << text;
    ASSERT_TRUE(out.flush()) << path;
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str()) << "AMBIT_UPDATE_GOLDEN=1 writes " << path << " anew";
}

Error WhyNot(const policy::Policy& policy, const host::HostFacts& facts, const Request& request) {
  const auto plan = Make(policy, facts, request);
  EXPECT_FALSE(plan);
  return plan ? Error{} : plan.error();
}

const Mount* At(const std::vector<Mount>& mounts, const std::string& inside) {
  const auto found = std::ranges::find(mounts, inside, &Mount::inside);
  return found == mounts.end() ? nullptr : &*found;
}

TEST(Plan, OfAUserIsTheReviewedOne) { ExpectGolden("plan-user.txt", Describe(SomePlan(false))); }
TEST(Plan, OfRootIsTheReviewedOne) { ExpectGolden("plan-root.txt", Describe(SomePlan(true))); }

TEST(Plan, IsTheSameForTheSameInputs) {
  EXPECT_EQ(Describe(SomePlan(false)), Describe(SomePlan(false)));
  EXPECT_EQ(EncodeJson(SomePlan(true)), EncodeJson(SomePlan(true)));
}

TEST(Plan, ShowsNoValueOfTheEnvironmentAndNoMaskedContent) {
  const LaunchPlan plan = SomePlan(false);
  // The control: both are in the plan itself.
  ASSERT_THAT(plan.environment, Contains("TOKEN=do-not-print"));
  ASSERT_EQ(plan.layers.at(1).masks.at(0).content, "[remote] masked-content");
  for (const std::string& text : {Describe(plan), EncodeJson(plan)}) {
    EXPECT_THAT(text, HasSubstr("TOKEN"));
    EXPECT_THAT(text, Not(HasSubstr("do-not-print")));
    EXPECT_THAT(text, Not(HasSubstr("masked-content")));
  }
}

TEST(Plan, EncodesAsJsonThatParses) {
  LaunchPlan plan = SomePlan(true);
  plan.cwd = "/srv/\xff\"\n";
  const auto json = nlohmann::json::parse(EncodeJson(plan));
  EXPECT_EQ(json["format"], kPlanFormat);
  EXPECT_EQ(json["argv"], (nlohmann::json{"claude", "-p", "fix \"it\"\n"}));
  EXPECT_EQ(json["cwd"]["hex"], "2f7372762fff220a");
  EXPECT_EQ(json["mounts"].size(), plan.mounts.size());
  EXPECT_EQ(json["root"].size(), plan.root.size());
  EXPECT_EQ(json["landlock"].size(), plan.landlock.size());
  EXPECT_EQ(json["identity"]["outside_uid"], 1'900'000'000);
  EXPECT_EQ(json["host_ports"], nlohmann::json{5432});
}

TEST(Plan, RefusesACommandThatIsNone) {
  Request request = SomeRequest(false);
  request.argv.clear();
  EXPECT_EQ(WhyNot({}, SomeHost(false), request).what, "no command given");
}

TEST(Plan, RefusesAFileSystemMountedBelowACopyOnWriteTreeByName) {
  host::HostFacts facts = SomeHost(false);
  facts.mount_points = {"/", "/home/ann/code/p/node_modules"};
  const Error error = WhyNot({}, facts, SomeRequest(false));
  EXPECT_THAT(error.what, HasSubstr("'/home/ann/code/p/node_modules'"));
  EXPECT_THAT(error.remedy, HasSubstr("--project ro"));

  policy::Policy read_only;
  read_only.project = policy::ProjectMode::kReadOnly;
  Request clean = SomeRequest(false);
  clean.git.masked_files.clear();
  const auto bound = Make(read_only, facts, clean);
  ASSERT_TRUE(bound);
  ASSERT_EQ(bound->warnings.size(), 1U);  // sockets in it can be reached
  EXPECT_THAT(bound->warnings[0], HasSubstr("/home/ann/code/p"));

  facts.mount_points = {"/home/ann/code/p", "/home/ann/code/p2/x"};  // itself, a namesake's
  EXPECT_TRUE(Make({}, facts, SomeRequest(false)));

  facts.mount_points = {"/tmp/cache/deep"};
  EXPECT_THAT(WhyNot(SomePolicy(), facts, SomeRequest(false)).what, HasSubstr("--cow"));
}

TEST(Plan, RefusesToShowSecretsThatOnlyAnOverlayCanHide) {
  policy::Policy read_only;
  read_only.project = policy::ProjectMode::kReadOnly;
  host::HostFacts facts = SomeHost(false);
  Request request = SomeRequest(false);
  request.secrets = {{.layer = facts.project.root, .path = ".env", .content = {}, .hidden = true}};
  EXPECT_TRUE(Make(read_only, facts, request));
  facts.mount_points = {facts.project.root + "/node_modules"};
  const Error error = WhyNot(read_only, facts, request);
  EXPECT_THAT(error.what, HasSubstr(".env' holds secrets"));
  EXPECT_THAT(error.remedy, HasSubstr("--unmask"));
}

TEST(Plan, TellsWhichFilesAreSecret) {
  Request request = SomeRequest(false);
  const std::string root = SomeHost(false).project.root;
  for (const char* name : {".env", "a.key", "b.key", "c.key", "d.key"}) {
    request.secrets.push_back(
        {.layer = root, .path = name, .content = {}, .hidden = std::string(name) != ".env"});
  }
  const auto plan = Make({}, SomeHost(false), request);
  ASSERT_TRUE(plan);
  ASSERT_FALSE(plan->warnings.empty());
  EXPECT_THAT(plan->warnings.back(), HasSubstr(".env with placeholders, a.key hidden"));
  EXPECT_THAT(plan->warnings.back(), HasSubstr("and 1 more"));
}

TEST(Plan, AProjectToWriteSaysWhatItShowsAndHasNothingMountedBelow) {
  policy::Policy direct;
  direct.project = policy::ProjectMode::kReadWrite;
  host::HostFacts facts = SomeHost(true);
  Request clean = SomeRequest(true);
  clean.git.masked_files.clear();
  Request with_credentials = clean;
  with_credentials.git.masked_files = {
      {.layer = facts.project.root, .path = ".git/config", .content = {}}};
  EXPECT_THAT(WhyNot(direct, facts, with_credentials).what,
              AllOf(HasSubstr("credentials"), HasSubstr("--project rw")));
  const auto plan = Make(direct, facts, clean);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->warnings.size(), 1U);
  EXPECT_THAT(plan->warnings[0], HasSubstr("Unix sockets"));
  facts.mount_points = {facts.project.root + "/below"};
  EXPECT_THAT(WhyNot(direct, facts, clean).what, HasSubstr("another file system"));
}

TEST(Plan, RefusesALayerThatHoldsTheStateDirectory) {
  host::HostFacts facts = SomeHost(false);
  facts.state_root = "/home/ann/.local/state/ambit/runs";
  policy::Policy policy;
  policy.copy_on_write = {{.path = "/home/ann/.local", .from = "--cow"}};
  EXPECT_THAT(WhyNot(policy, facts, SomeRequest(false)).what, HasSubstr("state directory"));
}

TEST(Plan, RefusesAForeignGitPointerWithTheFlagThatAllowsIt) {
  Request request = SomeRequest(false);
  request.git.refused = {
      {.file = "/p/.git", .target = "/etc", .reason = "why", .flag = "--ro /etc"}};
  const Error error = WhyNot({}, SomeHost(false), request);
  EXPECT_THAT(error.what, AllOf(HasSubstr("/p/.git"), HasSubstr("/etc"), HasSubstr("why")));
  EXPECT_EQ(error.remedy, "allow it with --ro /etc");
}

TEST(Plan, RefusesHostPortsThatCannotBeServed) {
  policy::Policy policy;
  policy.host_ports = {8080, 8080};
  EXPECT_THAT(WhyNot(policy, SomeHost(false), SomeRequest(false)).what, HasSubstr("8080"));
  policy.host_ports = {0};
  EXPECT_THAT(WhyNot(policy, SomeHost(false), SomeRequest(false)).what, HasSubstr("--host-port"));
}

TEST(Plan, WarnsWhenEveryPublicAddressMayBeDialled) {
  policy::Policy policy;
  policy.net.allow = {*policy::ParseNetRule("0.0.0.0/0", "--allow"),
                      *policy::ParseNetRule("tcp://[::/0]:22", "a.toml:2:9: net.allow"),
                      *policy::ParseNetRule("10.0.0.0/8", "--allow")};
  const auto plan = Make(policy, SomeHost(false), SomeRequest(false));
  ASSERT_TRUE(plan) << plan.error().what;
  EXPECT_THAT(plan->warnings,
              ::testing::AllOf(
                  ::testing::Contains("--allow 0.0.0.0/0: every public IPv4 address may be dialled "
                                      "on ports 80 and 443, whatever is spoken there"),
                  ::testing::Contains("a.toml:2:9: net.allow tcp://[::/0]:22: every public address "
                                      "may be dialled on port 22, whatever is spoken there"),
                  ::testing::Not(::testing::Contains(HasSubstr("10.0.0.0/8")))));
}

TEST(Plan, RefusesToShowAFileCopyOnWrite) {
  policy::Policy policy;
  policy.copy_on_write = {{.path = "/data/one.txt", .from = "--cow"}};
  host::HostFacts facts = SomeHost(false);
  facts.plain_files = {"/data/one.txt"};
  EXPECT_THAT(WhyNot(policy, facts, SomeRequest(false)).what, HasSubstr("not a directory"));
}

TEST(Mounts, ParentsComeBeforeChildren) {
  for (const bool root : {false, true}) {
    const std::vector<Mount> mounts = SomePlan(root).mounts;
    for (std::size_t i = 0; i < mounts.size(); ++i) {
      for (std::size_t later = i + 1; later < mounts.size(); ++later) {
        EXPECT_FALSE(mounts[i].inside.starts_with(mounts[later].inside + "/"))
            << mounts[later].inside << " comes after " << mounts[i].inside;
      }
    }
  }
}

TEST(Mounts, BindOnlyReadOnlyDirectoriesFilesAndDevices) {
  for (const Mount& mount : SomePlan(false).mounts) {
    if (mount.kind != Mount::Kind::kBind) continue;
    EXPECT_TRUE(mount.read_only || mount.device) << mount.inside;
    EXPECT_EQ(mount.device, mount.inside.starts_with("/dev/")) << mount.inside;
  }
}

TEST(Mounts, AFileShownReadOnlyIsNoDirectory) {
  const std::vector<Mount> mounts = SomePlan(false).mounts;
  ASSERT_NE(At(mounts, "/data/one.txt"), nullptr);
  EXPECT_FALSE(At(mounts, "/data/one.txt")->directory);
  EXPECT_TRUE(At(mounts, "/data/set")->directory);
}

TEST(Mounts, ReadOnlyWinsWhereTwoMeet) {
  const host::HostFacts facts = SomeHost(false);
  policy::Policy policy;
  policy.read_only = {{.path = facts.project.root, .from = "--ro"},
                      {.path = facts.person.home, .from = "--ro"}};
  const auto layers = MakeLayers(policy, facts, {}, {});
  const auto mounts = MakeMounts(policy, facts, layers, {});
  for (const auto& [place, unused] : policy.read_only) {
    const auto last = std::find_if(mounts.rbegin(), mounts.rend(),
                                   [&](const Mount& mount) { return mount.inside == place; });
    ASSERT_NE(last, mounts.rend());
    EXPECT_TRUE(last->read_only) << place;
    // Sealed with the root it would be attached first and lie below the other.
    EXPECT_FALSE(last->sealed_with_root) << place;
  }
}

TEST(Mounts, AReadOnlyProjectIsNoLayer) {
  policy::Policy policy;
  policy.project = policy::ProjectMode::kReadOnly;
  const host::HostFacts facts = SomeHost(true);
  const auto layers = MakeLayers(policy, facts, {}, {});
  EXPECT_THAT(layers, IsEmpty());
  const auto mounts = MakeMounts(policy, facts, layers, {});
  ASSERT_NE(At(mounts, facts.project.root), nullptr);
  EXPECT_TRUE(At(mounts, facts.project.root)->read_only);
}

TEST(Mounts, AProjectToWriteIsTheHostsOwnAndTheOnlyOne) {
  policy::Policy policy;
  policy.project = policy::ProjectMode::kReadWrite;
  const host::HostFacts facts = SomeHost(true);
  const auto layers = MakeLayers(policy, facts, {}, {});
  EXPECT_THAT(layers, IsEmpty());
  const auto mounts = MakeMounts(policy, facts, layers, {});
  for (const Mount& mount : mounts) {
    EXPECT_EQ(WritesToHost(mount), mount.inside == facts.project.root) << mount.inside;
  }
  ASSERT_NE(At(mounts, facts.project.root), nullptr);
  EXPECT_TRUE(At(mounts, facts.project.root)->owned);
  EXPECT_FALSE(At(mounts, facts.project.root)->sealed_with_root);
  const auto rules = MakeLandlockRules(mounts);
  const auto rule = std::ranges::find(rules, facts.project.root, &LandlockRule::inside);
  ASSERT_NE(rule, rules.end());
  EXPECT_TRUE(sys::Has(rule->access, sys::LandlockAccess::kWrite));
}

TEST(LandlockRules, GrantWritingExactlyWhereAMountIsWritable) {
  const LaunchPlan plan = SomePlan(false);
  for (const LandlockRule& rule : plan.landlock) {
    const Mount* mount = At(plan.mounts, rule.inside);
    if (!sys::Has(rule.access, sys::LandlockAccess::kWrite)) continue;
    ASSERT_NE(mount, nullptr) << rule.inside;
    EXPECT_FALSE(mount->read_only) << rule.inside;
  }
  for (const LandlockRule& rule : plan.landlock) {
    if (rule.inside != "/") continue;
    EXPECT_EQ(rule.access, sys::LandlockAccess::kList);
  }
}

TEST(RootEntries, PasswdHasOnlyTheRunsUsers) {
  const auto entries = MakeRootEntries(SomeHost(false), SomeIdentity(false), "ambit", {}, false);
  const auto passwd = std::ranges::find(entries, "/etc/passwd", &RootEntry::path);
  ASSERT_NE(passwd, entries.end());
  EXPECT_EQ(passwd->content,
            "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
            "ann:x:1001:1001::/home/ann:/bin/bash\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
}

TEST(RootEntries, AFieldCannotAddALineToPasswd) {
  host::HostFacts facts = SomeHost(false);
  facts.person.home = "/home/a\nroot::0:0::/:/bin/sh\nb";
  const auto entries = MakeRootEntries(facts, SomeIdentity(false), "ambit", {}, false);
  const auto passwd = std::ranges::find(entries, "/etc/passwd", &RootEntry::path);
  ASSERT_NE(passwd, entries.end());
  EXPECT_EQ(std::ranges::count(passwd->content, '\n'), 3);
}

TEST(RootEntries, GitConfigurationCarriesTheAuthorQuoted) {
  const auto entries =
      MakeRootEntries(SomeHost(false), SomeIdentity(false), "ambit",
                      {.name = "A\n[core]\n\tpager = x", .email = "a@example.invalid"}, false);
  const auto file = std::ranges::find(entries, "/etc/gitconfig", &RootEntry::path);
  ASSERT_NE(file, entries.end());
  EXPECT_THAT(file->content, Not(HasSubstr("\n[core]")));
  EXPECT_THAT(file->content, HasSubstr("a@example.invalid"));
}

TEST(Aliases, GoWhereTheyAreSeenAndNowhereElse) {
  host::HostFacts facts = SomeHost(false);
  facts.aliases = {Link("/projects", "x"),          Link("/tmp/deep/link", "x"),
                   Link("/usr/link", "x"),          Link("/proc/self", "1"),
                   Link("/etc/link", "x"),          Link("/home/ann/link", "x"),
                   Link("/home/ann/code/p/in", "x")};
  const auto mounts = MakeMounts({}, facts, MakeLayers({}, facts, {}, {}), {});
  const auto in_root = MakeAliases(facts, mounts, AliasPlace::kRoot);
  const auto in_mounts = MakeAliases(facts, mounts, AliasPlace::kMount);
  EXPECT_THAT(in_root, ElementsAre(Field(&RootEntry::path, "/projects")));
  EXPECT_THAT(in_mounts, ElementsAre(Field(&RootEntry::path, "/tmp/deep/link"),
                                     Field(&RootEntry::path, "/home/ann/link")));
}

TEST(Environment, SearchesDirectoriesBelowALinkToWhatIsShown) {
  host::HostFacts facts = SomeHost(false);
  facts.environment["PATH"] = "/home/ann/tools/bin:/home/ann/toolsbin:/usr/bin";
  facts.aliases = {Link("/home/ann/tools", "/opt/tools")};
  const auto plan = Make({}, facts, SomeRequest(false));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->path_entries, Contains("/home/ann/tools/bin"));
  EXPECT_THAT(plan->path_entries, Not(Contains("/home/ann/toolsbin")));
}

TEST(Environment, IsTheBaseListAndWhatPolicyNames) {
  host::HostFacts facts = SomeHost(false);
  for (const char* secret : {"AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "SSH_AUTH_SOCK", "PWD"}) {
    facts.environment[secret] = "leak";
  }
  const auto plan = Make(SomePolicy(), facts, SomeRequest(false));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->environment,
              ElementsAre("AMBIT=1", "HOME=/home/ann", "LANG=C.UTF-8", "LOGNAME=ann", "MODE=ci",
                          "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin",
                          "SHELL=/bin/bash", "TERM=xterm", "TOKEN=do-not-print", "USER=ann"));
}

TEST(Environment, PolicyCannotTakeTheMarkOfARunAway) {
  policy::Policy policy;
  policy.environment = {{.name = "AMBIT", .value = ""}};
  const auto plan = Make(policy, SomeHost(false), SomeRequest(false));
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->environment, Contains("AMBIT=1"));
}

}  // namespace
}  // namespace ambit::plan
