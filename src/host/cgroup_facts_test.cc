#include "host/cgroup_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/fd.h"
#include "host/cgroup_files.h"

namespace ambit::host {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kUserService = "/user.slice/user-65534.slice/user@65534.service";

/// A machine's /proc/self and /sys/fs/cgroup as files below a directory. Questions are asked as
/// root, or by a child that has become uid 65534.
class FakeMachine : public testing::Test {
 protected:
  FakeMachine() {
    ::umask(022);
    std::string name = "/tmp/ambit-cgroup-facts-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    fs::permissions(root_, fs::perms(0755));
    fs::create_directories(root_ + "/proc/self");
  }
  ~FakeMachine() override { fs::remove_all(root_); }

  void Write(const std::string& path, std::string_view text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  void Mounts(std::string_view text) { Write("/proc/self/mountinfo", text); }
  void Own(std::string_view text) { Write("/proc/self/cgroup", text); }

  /// A v2 cgroup with its files; `type` is empty for the machine's own root.
  void MakeV2(const std::string& path, std::string_view controllers, std::string_view given,
              std::string_view processes, std::string_view type = "domain\n") {
    const std::string at = "/sys/fs/cgroup" + path;
    Write(at + "/cgroup.controllers", controllers);
    Write(at + "/cgroup.subtree_control", given);
    Write(at + "/cgroup.procs", processes);
    if (!type.empty()) Write(at + "/cgroup.type", type);
  }
  void GiveAway(const std::string& path) {
    const std::string at = root_ + "/sys/fs/cgroup" + path;
    for (const char* name : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
      EXPECT_EQ(::chown((at + name).c_str(), 65534, 65534), 0);
    }
  }

  CgroupFacts Ask() { return ReadCgroupFacts(root_).value(); }
  /// As a user: the effective ids are the ones that count.
  CgroupFacts AskAsUser() {
    EXPECT_EQ(::setegid(65534), 0);
    EXPECT_EQ(::seteuid(65534), 0);
    CgroupFacts facts = ReadCgroupFacts(root_).value();
    EXPECT_EQ(::seteuid(0), 0);
    EXPECT_EQ(::setegid(0), 0);
    return facts;
  }

  std::string root_;
};

constexpr const char* kV2Mount =
    "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CgroupFilesTest, MountsAreReadWithTheirControllersAndEscapes) {
  const auto mounts = ParseCgroupMounts(
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
      "35 31 0:32 /a\\040b /sys/fs/c\\134d rw,relatime shared:1 master:2 - cgroup cgroup "
      "rw,cpu,cpuacct\n"
      "broken - cgroup\n"
      "25 20 0:22 / /u rw - cgroup2 x rw");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0], (CgroupMount{.unified = false,
                                    .controllers = {"rw", "cpu", "cpuacct"},
                                    .root = "/a b",
                                    .at = "/sys/fs/c\\d"}));
  EXPECT_EQ(mounts[1], (CgroupMount{.unified = true, .controllers = {}, .root = "/", .at = "/u"}));
}

TEST(CgroupFilesTest, OwnCgroupsMayHaveColonsInTheirNames) {
  const auto own =
      ParseOwnCgroups("4:cpu,cpuacct:/a:b\n1:name=systemd:/x\n:memory:/n\n7::/v\n0::/c");
  ASSERT_EQ(own.size(), 3U);
  EXPECT_EQ(own[0], (OwnCgroup{.controllers = {"cpu", "cpuacct"}, .path = "/a:b"}));
  EXPECT_EQ(own[2], (OwnCgroup{.controllers = {}, .path = "/c"}));
}

TEST(CgroupFilesTest, ADirectoryIsBelowTheMountOrNone) {
  CgroupMount mount{.unified = true, .controllers = {}, .root = "/", .at = "/sys/fs/cgroup"};
  EXPECT_EQ(DirectoryOf(mount, "/"), "/sys/fs/cgroup");
  EXPECT_EQ(DirectoryOf(mount, "/a/b"), "/sys/fs/cgroup/a/b");
  EXPECT_EQ(DirectoryOf(mount, "/../b"), "");
  mount.root = "/docker/1";
  EXPECT_EQ(DirectoryOf(mount, "/docker/1"), "/sys/fs/cgroup");
  EXPECT_EQ(DirectoryOf(mount, "/docker/1/x"), "/sys/fs/cgroup/x");
  EXPECT_EQ(DirectoryOf(mount, "/docker/12"), "");
}

TEST_F(FakeMachine, RootOfAV2MachineMakesItsRunsAtTheTop) {
  Mounts(kV2Mount);
  Own("0::/user.slice/session-1.scope\n");
  MakeV2("", "cpuset cpu io memory pids\n", "memory pids\n", "1\n2\n", "");
  const CgroupFacts facts = Ask();
  EXPECT_EQ(facts.kind, CgroupKind::kV2);
  EXPECT_THAT(facts.directories, ElementsAre("/sys/fs/cgroup"));
  EXPECT_THAT(facts.controllers,
              ElementsAre(Controller::kMemory, Controller::kPids, Controller::kCpu));
}

TEST_F(FakeMachine, IoIsThereForWhoAsksAndNeverNeeded) {
  Mounts(kV2Mount);
  Own("0::/\n");
  MakeV2("", "cpu io memory pids\n", "memory pids cpu\n", "1\n");
  EXPECT_EQ(Ask().io, "") << "it is not given yet, and cannot be where processes are";
  EXPECT_EQ(Ask().kind, CgroupKind::kV2);
  Write("/sys/fs/cgroup/cgroup.procs", "");
  EXPECT_EQ(Ask().io, "/sys/fs/cgroup");
  EXPECT_FALSE(Ask().Has(Controller::kIo));
  MakeV2("", "cpu memory pids\n", "", "");
  EXPECT_EQ(Ask().io, "");
}

TEST_F(FakeMachine, ATopThatHoldsProcessesAndIsNotTheMachinesRootIsNoPlace) {
  Mounts(kV2Mount);
  Own("0::/\n");
  MakeV2("", "cpu memory pids\n", "", "1\n");
  const CgroupFacts facts = Ask();
  EXPECT_EQ(facts.kind, CgroupKind::kNone);
  EXPECT_THAT(facts.why_none, HasSubstr("holds processes"));
  // The control: without them it is one.
  Write("/sys/fs/cgroup/cgroup.procs", "");
  EXPECT_EQ(Ask().kind, CgroupKind::kV2);
  // And when it gives its controllers already: somebody has made room before.
  Write("/sys/fs/cgroup/cgroup.procs", "1\n");
  Write("/sys/fs/cgroup/cgroup.subtree_control", "memory pids cpu\n");
  EXPECT_EQ(Ask().kind, CgroupKind::kV2);
}

TEST_F(FakeMachine, AUserGetsTheNearestCgroupAboveTheirOwnThatIsTheirs) {
  Mounts(kV2Mount);
  const std::string service = kUserService;
  Own("0::" + service + "/app.slice/term.scope\n");
  MakeV2("", "cpu memory pids\n", "memory pids\n", "1\n", "");
  for (const char* path : {"", "/app.slice", "/app.slice/term.scope"}) {
    MakeV2(service + path, "memory pids\n", "memory pids\n", "");
    GiveAway(service + path);
  }
  const CgroupFacts facts = AskAsUser();
  EXPECT_EQ(facts.kind, CgroupKind::kV2);
  EXPECT_THAT(facts.directories, ElementsAre("/sys/fs/cgroup" + service + "/app.slice"));
  EXPECT_THAT(facts.controllers, ElementsAre(Controller::kMemory, Controller::kPids));
}

TEST_F(FakeMachine, AUserInASessionAsksTheirSystemdWhenItsSocketIsTheirs) {
  Mounts(kV2Mount);
  Own("0::/user.slice/user-65534.slice/session-1.scope\n");
  MakeV2("", "cpu memory pids\n", "memory pids\n", "1\n", "");
  MakeV2("/user.slice/user-65534.slice/session-1.scope", "memory pids\n", "", "77\n");
  // A cgroup of the user's that is not above their own is no place: they could not move a process.
  MakeV2(kUserService, "cpu memory pids\n", "memory pids\n", "");
  GiveAway(kUserService);
  const CgroupFacts without = AskAsUser();
  EXPECT_EQ(without.kind, CgroupKind::kNone);
  EXPECT_THAT(without.why_none, HasSubstr("/run/user/65534/bus"));

  fs::create_directories(root_ + "/run/user/65534");
  const std::string bus = root_ + "/run/user/65534/bus";
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  ASSERT_LT(bus.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, bus.data(), bus.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(AskAsUser().kind, CgroupKind::kNone) << "the socket is root's";
  ASSERT_EQ(::chown(bus.c_str(), 65534, 65534), 0);
  const CgroupFacts facts = AskAsUser();
  EXPECT_EQ(facts.kind, CgroupKind::kSystemd);
  EXPECT_EQ(facts.bus, "/run/user/65534/bus");
  EXPECT_THAT(facts.directories, IsEmpty());
  EXPECT_TRUE(facts.Has(Controller::kCpu));
}

constexpr const char* kHybridMounts =
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST_F(FakeMachine, RootOfAHybridMachineMakesItsRunsBelowItsOwnCgroups) {
  Mounts(kHybridMounts);
  Own("8:pids:/gone\n4:memory:/box\n1:cpu,cpuacct:/\n0::/\n");
  for (const char* path : {"/cpu", "/memory/box", "/pids", "/unified"}) {
    fs::create_directories(root_ + "/sys/fs/cgroup" + path);
  }
  Write("/sys/fs/cgroup/unified/cgroup.controllers", "hugetlb\n");
  Write("/sys/fs/cgroup/unified/cgroup.subtree_control", "");
  Write("/sys/fs/cgroup/unified/cgroup.procs", "1\n");
  const CgroupFacts facts = Ask();
  EXPECT_EQ(facts.kind, CgroupKind::kV1);
  EXPECT_THAT(facts.directories, ElementsAre("/sys/fs/cgroup/memory/box", "/sys/fs/cgroup/pids",
                                             "/sys/fs/cgroup/cpu"));
  EXPECT_EQ(facts.cpuacct, "/sys/fs/cgroup/cpu");
  EXPECT_EQ(facts.unified, "/sys/fs/cgroup/unified");
  const CgroupFacts user = AskAsUser();
  EXPECT_EQ(user.kind, CgroupKind::kNone);
  EXPECT_EQ(user.why_none, "cgroup v1: only root may make cgroups");
}

TEST_F(FakeMachine, WithoutAHierarchyThereIsNoneAndItSaysWhy) {
  Mounts("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
  Own("");
  const CgroupFacts facts = Ask();
  EXPECT_EQ(facts.kind, CgroupKind::kNone);
  EXPECT_THAT(facts.why_none, HasSubstr("no cgroup hierarchy"));
}

TEST(CgroupFactsTest, ThisMachineIsReadInLittleTime) {
  const auto facts = ReadCgroupFacts();
  ASSERT_TRUE(facts.has_value()) << facts.error().what;
  EXPECT_EQ(facts->kind == CgroupKind::kNone, !facts->why_none.empty());
  EXPECT_EQ(facts->kind == CgroupKind::kNone, facts->controllers.empty());
  for (const std::string& directory : facts->directories) {
    EXPECT_TRUE(fs::is_directory(directory)) << directory;
  }
}

TEST(CgroupFactsTest, AMissingTableIsAnError) {
  EXPECT_FALSE(ReadCgroupFacts("/proc/self/nothing").has_value());
}

}  // namespace
}  // namespace ambit::host
