#include "policy/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "policy/load.h"
#include "policy/private_names.h"

namespace ambit::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Host kHost{.real =
                     [](const std::string& path) {
                       return path.starts_with("/link") ? "/etc/real" + path.substr(5) : path;
                     },
                 .exists = [](const std::string&) { return true; }};

Source From(SourceKind source, std::string text) {
  return {.source = source,
          .name = source == SourceKind::kProject ? "ambit.toml" : "config.toml",
          .text = std::move(text),
          .trusted = source != SourceKind::kProject,
          .base = source == SourceKind::kProject ? "/p" : ""};
}

Loaded LoadOf(std::vector<Source> files, std::optional<Source> managed = std::nullopt) {
  LoadRequest request;
  request.files = std::move(files);
  request.managed = std::move(managed);
  request.home = "/home/ann";
  request.managed_home = "/home/ann";
  Loaded loaded = Load(request, kHost);
  for (const Mistake& mistake : loaded.mistakes) ADD_FAILURE() << Describe(mistake);
  return loaded;
}

Policy PolicyOf(std::vector<Source> files, std::optional<Source> managed = std::nullopt) {
  return ToPolicy(LoadOf(std::move(files), std::move(managed)).merged);
}

TEST(Merge, TheHomeOfAManagedFileIsNotTheOneThatIsSet) {
  LoadRequest request;
  request.files = {From(SourceKind::kUser, "[fs]\nro=['~/sdk', '/home/ann/sdk']")};
  request.managed = From(SourceKind::kManaged, "[fs]\nro=['~/sdk']");
  request.home = "/srv";
  request.managed_home = "/home/ann";
  const Policy policy = ToPolicy(Load(request, kHost).merged);
  ASSERT_EQ(policy.read_only.size(), 1U);
  EXPECT_EQ(policy.read_only[0].path, "/home/ann/sdk");
  request.managed_home = "";
  EXPECT_EQ(Load(request, kHost).mistakes.size(), 1U);
}

TEST(Merge, JoinsListsAndTakesTheStrongestOfSingleValues) {
  const Policy policy = PolicyOf({From(SourceKind::kUser, "[fs]\nproject='rw'\nro=['~/a']"),
                                  From(SourceKind::kFile, "[fs]\nproject='cow'\nro=['/b','/b']")});
  EXPECT_EQ(policy.project, ProjectMode::kCopyOnWrite);
  ASSERT_EQ(policy.read_only.size(), 2U);
  EXPECT_EQ(policy.read_only[0].path, "/home/ann/a");
  EXPECT_EQ(policy.read_only[0].from, "config.toml:3:5: fs.ro");
  EXPECT_EQ(policy.read_only[1].path, "/b");
}

TEST(Merge, OneVariableIsPassedOrSetAsTheStrongerClaimSays) {
  const Policy policy = PolicyOf({From(SourceKind::kUser, "[env]\nset={A='1',B='2'}\npass=['C']"),
                                  From(SourceKind::kFile, "[env]\npass=['A']\nset={C='3',B='4'}")});
  ASSERT_EQ(policy.environment.size(), 3U);
  for (const EnvironmentRule& rule : policy.environment) {
    if (rule.name == "A") {
      EXPECT_FALSE(rule.value);
    } else {
      EXPECT_EQ(rule.value, rule.name == "B" ? "4" : "3");
    }
  }
}

TEST(Merge, AnUntrustedProjectOnlyTakesAway) {
  const Loaded loaded = LoadOf(
      {From(SourceKind::kUser, "[fs]\nro=['/a']"), From(SourceKind::kProject, R"(extends = ["node"]
[fs]
project = "ro"
ro = ["/a", "/b"]
mask = ["*.cfg"]
unmask = [".env"]
[env]
pass = ["TOKEN"]
set = { A = "1" }
[net]
host_ports = [1]
private = ["db.corp.example"]
publish = ["3000"]
capture = "ports"
)")});
  const Policy policy = ToPolicy(loaded.merged);
  EXPECT_EQ(policy.project, ProjectMode::kReadOnly);
  ASSERT_EQ(policy.read_only.size(), 1U);
  EXPECT_THAT(policy.mask, ElementsAre("*.cfg"));
  EXPECT_THAT(policy.unmask, IsEmpty());
  EXPECT_THAT(policy.environment, IsEmpty());
  EXPECT_THAT(policy.host_ports, IsEmpty());
  EXPECT_THAT(policy.publish, IsEmpty());
  EXPECT_EQ(policy.capture, Capture::kAuto);
  EXPECT_THAT(loaded.presets, IsEmpty());
  std::vector<std::string> left_out;
  for (const LeftOut& one : loaded.merged.left_out) {
    left_out.push_back(std::string(one.option->key) + " " + one.item.text);
  }
  EXPECT_THAT(left_out, ::testing::UnorderedElementsAre(
                            "extends node", "fs.ro /b", "fs.unmask .env", "env.pass TOKEN",
                            "env.set A", "net.host_ports 1", "net.private db.corp.example",
                            "net.publish 3000", "net.capture ports"));
}

TEST(Merge, AnUntrustedProjectDoesNotWidenTheProjectMode) {
  EXPECT_EQ(PolicyOf({From(SourceKind::kProject, "[fs]\nproject='rw'")}).project,
            ProjectMode::kCopyOnWrite);
  EXPECT_EQ(PolicyOf({From(SourceKind::kUser, "[fs]\nproject='ro'"),
                      From(SourceKind::kProject, "[fs]\nproject='cow'")})
                .project,
            ProjectMode::kReadOnly);
}

TEST(Merge, AManagedPolicyBoundsEveryOther) {
  const Source managed = From(SourceKind::kManaged,
                              "[fs]\nproject='cow'\nro=['/opt']\nhide=['*.kdbx']\n"
                              "[env]\npass=['LANG']\n[net]\nhost_ports=[]\npublish=['80:80']\n");
  const Policy policy = PolicyOf({From(SourceKind::kUser,
                                       "[fs]\nproject='rw'\nro=['/opt/x','/srv','/link/a']\n"
                                       "unmask=['x.kdbx']\ncow=['/c']\n[env]\npass=['LANG','KEY']\n"
                                       "set={A='1'}\n[net]\nhost_ports=[80]\n"
                                       "publish=['80','8080:80','80:80']")},
                                 managed);
  EXPECT_EQ(policy.project, ProjectMode::kCopyOnWrite);
  ASSERT_EQ(policy.read_only.size(), 1U);
  EXPECT_EQ(policy.read_only[0].path, "/opt/x");
  EXPECT_THAT(policy.hide, ElementsAre("*.kdbx"));
  EXPECT_THAT(policy.unmask, IsEmpty());
  EXPECT_EQ(policy.copy_on_write.size(), 1U) << "what it does not name it does not bound";
  ASSERT_EQ(policy.environment.size(), 1U);
  EXPECT_EQ(policy.environment[0].name, "LANG");
  EXPECT_THAT(policy.host_ports, IsEmpty());
  EXPECT_THAT(policy.publish, ElementsAre(PublishedPort{.host = 80, .inside = 80}));
}

TEST(Merge, ABoundOfPrivateNamesHoldsForAllThatANameOpens) {
  const Policy policy =
      PolicyOf({From(SourceKind::kUser,
                     "[net]\nprivate=['db.corp.example','x.corp.example=10.0.0.5',"
                     "'y.corp.example=127.0.0.1','other.example']")},
               From(SourceKind::kManaged, "[net]\nprivate=['*.corp.example']"));
  std::vector<std::string> kept;
  for (const PrivateName& name : policy.net.private_names) kept.push_back(TextOf(name));
  EXPECT_THAT(kept, ElementsAre("db.corp.example", "x.corp.example=10.0.0.5"));
}

TEST(Merge, ABoundOfPathsHoldsForWhatALinkLeadsTo) {
  const Policy policy = PolicyOf({From(SourceKind::kUser, "[fs]\nro=['/link/x']")},
                                 From(SourceKind::kManaged, "[fs]\nro=['/etc/real']"));
  EXPECT_EQ(policy.read_only.size(), 1U);
  EXPECT_THAT(PolicyOf({From(SourceKind::kUser, "[fs]\nro=['/etc/real/x']")},
                       From(SourceKind::kManaged, "[fs]\nro=['/link']"))
                  .read_only,
              IsEmpty())
      << "a bound that is a link was followed";
  EXPECT_THAT(PolicyOf({From(SourceKind::kUser, "[fs]\nro=['/link/x']")},
                       From(SourceKind::kManaged, "[fs]\nro=['/linked']"))
                  .read_only,
              IsEmpty());
}

TEST(Merge, AManagedPolicyGivesNothing) {
  LoadRequest request;
  request.managed = From(SourceKind::kManaged, "extends=['node']\n[env]\nset={A='1'}");
  const Loaded loaded = Load(request, kHost);
  EXPECT_EQ(loaded.mistakes.size(), 2U);
  EXPECT_THAT(ToPolicy(loaded.merged).environment, IsEmpty());
}

TEST(Merge, TheLastOfTrustedSourcesChoosesALimit) {
  const Policy policy =
      PolicyOf({From(SourceKind::kUser, "[limits]\nmemory='2GiB'\ntime='1h'\ncpus=1.5"),
                From(SourceKind::kFile, "[limits]\nmemory='8GiB'\ntime='none'\nprocesses=64")});
  EXPECT_EQ(policy.limits.Of(Limit::kMemory).chosen, std::uint64_t{8} << 30);
  EXPECT_EQ(policy.limits.Of(Limit::kMemory).from, "config.toml:2:8: limits.memory");
  EXPECT_EQ(policy.limits.Of(Limit::kTime).chosen, kNoLimit);
  EXPECT_EQ(policy.limits.Of(Limit::kCpus).chosen, 1500U);
  EXPECT_EQ(policy.limits.Of(Limit::kProcesses).chosen, 64U);
  EXPECT_FALSE(policy.limits.Of(Limit::kDisk).chosen);
  EXPECT_FALSE(policy.limits.Of(Limit::kMemory).at_most);
}

TEST(Merge, AnUntrustedProjectLowersLimitsAndNeverRaisesThem) {
  const Loaded loaded =
      LoadOf({From(SourceKind::kUser, "[limits]\nmemory='2GiB'\nprocesses=64"),
              From(SourceKind::kProject,
                   "[limits]\nmemory='64GiB'\nprocesses=32\ndisk='1GiB'\ntime='none'\n"
                   "disk_backing='memory'\nrequire_hard=['disk']\n[audit]\nfiles='all'")});
  const Limits limits = ToPolicy(loaded.merged).limits;
  EXPECT_EQ(limits.Of(Limit::kMemory).chosen, std::uint64_t{2} << 30);
  EXPECT_EQ(limits.Of(Limit::kMemory).at_most, std::uint64_t{64} << 30);
  EXPECT_EQ(limits.Of(Limit::kProcesses).at_most, 32U);
  EXPECT_EQ(limits.Of(Limit::kProcesses).at_most_from,
            "ambit.toml:3:11: limits.processes (not trusted)");
  EXPECT_FALSE(limits.Of(Limit::kDisk).chosen);
  EXPECT_EQ(limits.Of(Limit::kDisk).at_most, std::uint64_t{1} << 30);
  EXPECT_FALSE(limits.Of(Limit::kTime).at_most);
  EXPECT_EQ(limits.disk_backing, DiskBacking::kDisk);
  EXPECT_THAT(limits.require_hard, ElementsAre(Limit::kDisk));
  EXPECT_EQ(ToPolicy(loaded.merged).audit_files, AuditFiles::kAll);
  EXPECT_THAT(
      ToPolicy(loaded.merged).left_out,
      ElementsAre(
          "ambit.toml:5:6: limits.time 'none' is left out: the project's file is not trusted",
          "ambit.toml:6:14: limits.disk_backing 'memory' is left out: the project's file is not "
          "trusted",
          "config.toml:3:11: limits.processes '64' is left out: ambit.toml:3:11 allows at most "
          "32"));
}

TEST(Merge, TheLowestBoundOfALimitHolds) {
  const Policy policy = PolicyOf({From(SourceKind::kProject, "[limits]\nmemory='4GiB'\ntime='1h'"),
                                  From(SourceKind::kFile, "[limits]\nmemory='none'")},
                                 From(SourceKind::kManaged, "[limits]\nmemory='3GiB'\ntime='2h'"));
  EXPECT_EQ(policy.limits.Of(Limit::kMemory).chosen, kNoLimit);
  EXPECT_EQ(policy.limits.Of(Limit::kMemory).at_most, std::uint64_t{3} << 30);
  EXPECT_EQ(policy.limits.Of(Limit::kTime).at_most, 3'600'000U);
}

TEST(Merge, TheManagedPolicySaysWhereLayersAre) {
  const Source managed = From(SourceKind::kManaged, "[limits]\ndisk_backing='image'");
  EXPECT_EQ(PolicyOf({}, managed).limits.disk_backing, DiskBacking::kImage);
  const Loaded loaded =
      LoadOf({From(SourceKind::kUser, "[limits]\ndisk_backing='memory'")}, managed);
  EXPECT_EQ(ToPolicy(loaded.merged).limits.disk_backing, DiskBacking::kImage);
  EXPECT_EQ(loaded.merged.left_out.size(), 1U);
}

TEST(Merge, WiderIsALimitThatIsHigherForSomeDefault) {
  const auto with = [](std::optional<std::uint64_t> chosen, std::optional<std::uint64_t> at_most) {
    Policy policy;
    policy.limits.Of(Limit::kMemory).chosen = chosen;
    policy.limits.Of(Limit::kMemory).at_most = at_most;
    return policy;
  };
  const auto none = std::nullopt;
  EXPECT_TRUE(IsNoWider(with(none, 5), with(none, none)));
  EXPECT_FALSE(IsNoWider(with(none, none), with(none, 5)));
  EXPECT_FALSE(IsNoWider(with(5, none), with(none, none))) << "the default may be lower";
  EXPECT_FALSE(IsNoWider(with(none, none), with(5, none))) << "the default may be higher";
  EXPECT_TRUE(IsNoWider(with(none, 5), with(5, none)));
  EXPECT_TRUE(IsNoWider(with(5, 9), with(9, 5)));
  EXPECT_FALSE(IsNoWider(with(kNoLimit, 6), with(9, 5)));
}

/// Policies drawn from a small world, so that entries of several meet.
class RandomPolicy {
 public:
  explicit RandomPolicy(unsigned seed) : random_(seed) {}

  std::string Text(bool managed) {
    std::string text;
    if (!managed && Sometimes()) text += "extends = " + List({"node", "claude"}) + "\n";
    text += "[fs]\n";
    if (Sometimes()) text += "project = '" + One({"ro", "cow", "rw"}) + "'\n";
    for (const char* key : {"ro", "cow", "keep"}) {
      if (Sometimes())
        text += std::string(key) + " = " + List({"/a", "/a/b", "~/x", "/link"}) + "\n";
    }
    for (const char* key : {"mask", "hide", "unmask"}) {
      if (Sometimes()) text += std::string(key) + " = " + List({".env", "*.cfg", "d/k"}) + "\n";
    }
    if (!managed && Sometimes()) text += "files = { '~/f' = '" + One({"1", "2"}) + "' }\n";
    text += "[env]\n";
    if (Sometimes()) text += "pass = " + List({"A", "B"}) + "\n";
    if (!managed && Sometimes()) {
      text += "set = { " + One({"A", "B"}) + " = '" + One({"1", "2"}) + "' }\n";
    }
    if (Sometimes()) text += "[audit]\nfiles = '" + One({"all", "writes", "off"}) + "'\n";
    text += "[limits]\n";
    for (const char* key : {"time", "idle"}) {
      if (Sometimes()) text += key + (" = '" + One({"1m", "90s", "1h30m", "none"}) + "'\n");
    }
    for (const char* key : {"memory", "disk"}) {
      if (Sometimes()) text += key + (" = '" + One({"1GiB", "1GB", "64GiB", "none"}) + "'\n");
    }
    if (Sometimes()) text += "cpus = " + One({"1", "1.5", "'none'"}) + "\n";
    if (Sometimes()) text += "processes = " + One({"64", "4096", "'none'"}) + "\n";
    if (Sometimes()) text += "disk_backing = '" + One({"disk", "image", "memory"}) + "'\n";
    if (Sometimes()) text += "require_hard = " + List({"memory", "disk", "time"}) + "\n";
    if (Sometimes()) text += "[apply]\nauto_exec = '" + One({"deny", "ask", "allow"}) + "'\n";
    text += "[net]\n";
    if (Sometimes()) text += "host_ports = " + One({"[1]", "[1, 2]", "[]"}) + "\n";
    if (Sometimes()) {
      text += "private = " + List({"a.example", "*.a.example", "a.example=127.0.0.1"}) + "\n";
    }
    if (Sometimes()) text += "publish = " + List({"80", "80:80", "0:80"}) + "\n";
    if (Sometimes()) text += "capture = '" + One({"auto", "tproxy", "ports"}) + "'\n";
    return text;
  }

  bool Sometimes() { return random_() % 2 == 0; }

 private:
  std::string One(const std::vector<std::string>& of) { return of[random_() % of.size()]; }
  std::string List(const std::vector<std::string>& of) {
    std::string list = "[";
    for (const std::string& text : of) {
      if (Sometimes()) list += "'" + text + "',";
    }
    return list + "]";
  }

  std::mt19937 random_;
};

#if __has_feature(address_sanitizer)
// What sanitizers look for shows in fewer, and each takes them twenty times as long.
constexpr unsigned kSeeds = 1000;
#else
constexpr unsigned kSeeds = 4000;
#endif

TEST(Merge, NeverGetsWiderByAnUntrustedProject) {
  int narrower = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    RandomPolicy random(seed);
    const Source user = From(SourceKind::kUser, random.Text(false));
    const Source project = From(SourceKind::kProject, random.Text(false));
    const Source file = From(SourceKind::kFile, random.Text(false));
    std::optional<Source> managed;
    if (random.Sometimes()) managed = From(SourceKind::kManaged, random.Text(true));
    const Policy without = PolicyOf({user}, managed);
    const Policy with = PolicyOf({user, project}, managed);
    ASSERT_TRUE(IsNoWider(with, without)) << "seed " << seed << "\n" << user.text << project.text;
    const Policy file_without = PolicyOf({user, file}, managed);
    const Policy file_with = PolicyOf({user, project, file}, managed);
    ASSERT_TRUE(IsNoWider(file_with, file_without)) << "seed " << seed;
    if (!IsNoWider(without, with)) ++narrower;
  }
  EXPECT_GT(narrower, static_cast<int>(kSeeds) / 4)
      << "the files of the property hardly ever say anything";
}

TEST(Merge, ATrustedProjectDoesGetWider) {
  int wider = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    RandomPolicy random(seed);
    const Source user = From(SourceKind::kUser, random.Text(false));
    Source project = From(SourceKind::kProject, random.Text(false));
    project.trusted = true;
    if (!IsNoWider(PolicyOf({user, project}), PolicyOf({user}))) ++wider;
  }
  EXPECT_GT(wider, 50) << "IsNoWider sees nothing";
}

bool IsBelowOneOf(const std::string& path, const std::vector<NamedPath>& tops) {
  return std::ranges::any_of(tops, [&](const NamedPath& top) {
    const std::string real = kHost.real(path);
    return real == top.path || real.starts_with(top.path + "/");
  });
}

TEST(Merge, NeverGetsWiderThanTheManagedPolicy) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    RandomPolicy random(seed);
    std::vector<Source> files = {From(SourceKind::kUser, random.Text(false)),
                                 From(SourceKind::kFile, random.Text(false))};
    const Source managed = From(SourceKind::kManaged, random.Text(true));
    const Loaded loaded = LoadOf(files, managed);
    const Policy policy = ToPolicy(loaded.merged);
    const Loaded bounds = LoadOf({From(SourceKind::kUser, managed.text)});
    const Policy bound = ToPolicy(bounds.merged);
    const auto says = [&](const char* key) { return bounds.merged.Find(key) != nullptr; };
    const std::string where = "seed " + std::to_string(seed) + "\n" + files[0].text + managed.text;
    if (says("fs.ro")) {
      for (const NamedPath& path : policy.read_only) {
        ASSERT_TRUE(IsBelowOneOf(path.path, bound.read_only)) << where;
      }
    }
    if (says("fs.project") && bound.project == ProjectMode::kReadOnly) {
      ASSERT_EQ(policy.project, ProjectMode::kReadOnly) << where;
    }
    if (says("apply.auto_exec")) {
      ASSERT_LE(policy.auto_exec, bound.auto_exec) << where;
    }
    if (says("audit.files")) {
      ASSERT_GE(policy.audit_files, bound.audit_files) << where;
    }
    if (says("limits.disk_backing")) {
      ASSERT_EQ(policy.limits.disk_backing, bound.limits.disk_backing) << where;
    }
    for (std::size_t i = 0; i < kLimits; ++i) {
      const auto limit = static_cast<Limit>(i);
      ASSERT_LE(policy.limits.Of(limit).at_most.value_or(kNoLimit),
                bound.limits.Of(limit).chosen.value_or(kNoLimit))
          << NameOf(limit) << where;
    }
    for (const Limit limit : bound.limits.require_hard) {
      ASSERT_THAT(policy.limits.require_hard, ::testing::Contains(limit)) << where;
    }
    for (const std::string& pattern : bound.hide) {
      ASSERT_THAT(policy.hide, ::testing::Contains(pattern)) << where;
    }
    if ((says("fs.mask") || says("fs.hide")) && !says("fs.unmask")) {
      ASSERT_THAT(policy.unmask, IsEmpty()) << where;
    }
    if (says("env.pass")) {
      for (const EnvironmentRule& rule : policy.environment) {
        ASSERT_TRUE(std::ranges::any_of(bound.environment, [&](const EnvironmentRule& allowed) {
          return allowed.name == rule.name;
        })) << where;
      }
    }
  }
}

}  // namespace
}  // namespace ambit::policy
