#include "plan/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::plan {
namespace {

using host::CgroupFacts;
using host::CgroupKind;
using host::Controller;
using policy::DiskBacking;
using policy::kNoLimit;
using ::testing::HasSubstr;
using Kind = policy::Limit;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

Machine Laptop(CgroupFacts cgroup = {}) {
  return {.memory = 16 * kGiB,
          .processors = 8,
          .free_disk = 100 * kGiB,
          .free_inodes = 6'000'000,
          .open_files = 4096,
          .cgroup = std::move(cgroup)};
}

CgroupFacts RootV1() {
  return {.kind = CgroupKind::kV1,
          .controllers = {Controller::kMemory, Controller::kPids, Controller::kCpu},
          .directories = {"/m", "/p", "/c"},
          .bus = {},
          .unified = {},
          .why_none = {}};
}

CgroupFacts RootV2() {
  return {
      .kind = CgroupKind::kV2,
      .controllers = {Controller::kMemory, Controller::kPids, Controller::kCpu, Controller::kIo},
      .directories = {"/sys/fs/cgroup"},
      .bus = {},
      .unified = {},
      .why_none = {}};
}

/// As systemd delegates by itself: no cpu.
CgroupFacts UserSystemd() {
  return {.kind = CgroupKind::kSystemd,
          .controllers = {Controller::kMemory, Controller::kPids},
          .directories = {},
          .bus = "/run/user/1000/bus",
          .unified = {},
          .why_none = {}};
}

CgroupFacts UserWithout() {
  CgroupFacts facts;
  facts.why_none = "no cgroup of this user can be written, and no systemd answers";
  return facts;
}

Limits Decide(const policy::Limits& asked, const Machine& machine, bool root = false) {
  auto limits = DecideLimits(asked, machine, root);
  EXPECT_TRUE(limits) << limits.error().what;
  return limits ? *std::move(limits) : Limits{};
}

Error WhyNot(const policy::Limits& asked, const Machine& machine, bool root = false) {
  const auto limits = DecideLimits(asked, machine, root);
  EXPECT_FALSE(limits);
  return limits ? Error{} : limits.error();
}

policy::Limits Asked(Kind kind, std::uint64_t value, const char* from = "--flag") {
  policy::Limits asked;
  asked.Of(kind).chosen = value;
  asked.Of(kind).from = from;
  return asked;
}

/// All of them, so that every row of a table has something to hold.
policy::Limits Everything(bool cpus) {
  policy::Limits asked;
  const auto choose = [&](Kind kind, std::uint64_t value) {
    asked.Of(kind).chosen = value;
    asked.Of(kind).from = "--" + std::string(policy::NameOf(kind));
  };
  choose(Kind::kTime, 60'000);
  choose(Kind::kIdle, 30'000);
  choose(Kind::kCpuTime, 90'000);
  if (cpus) choose(Kind::kCpus, 1500);
  return asked;
}

TEST(Limits, ALaptopSurvivesTheDefaults) {
  const Limits limits = Decide({}, Laptop());
  for (const Kind kind : {Kind::kTime, Kind::kIdle, Kind::kCpuTime, Kind::kCpus}) {
    EXPECT_EQ(limits.Find(kind), nullptr) << policy::NameOf(kind);
    EXPECT_EQ(limits.ValueOf(kind), kNoLimit);
  }
  EXPECT_EQ(limits.ValueOf(Kind::kMemory), 12 * kGiB);
  EXPECT_EQ(limits.ValueOf(Kind::kProcesses), 4096U);
  EXPECT_EQ(limits.ValueOf(Kind::kDisk), 50 * kGiB);
  EXPECT_EQ(limits.ValueOf(Kind::kInodes), 3'000'000U);
  EXPECT_EQ(limits.ValueOf(Kind::kOpenFiles), 4096U);
  for (const Limit& limit : limits.all) EXPECT_EQ(limit.from, "default");
}

TEST(Limits, DefaultsFollowTheMachine) {
  Machine small = Laptop();
  small.memory = 300 * kMiB;
  small.free_disk = 10 * kMiB;
  small.free_inodes = 100;
  const Limits of_small = Decide({}, small);
  EXPECT_EQ(of_small.ValueOf(Kind::kMemory), 256 * kMiB);
  EXPECT_EQ(of_small.ValueOf(Kind::kProcesses), 300U);
  EXPECT_EQ(of_small.ValueOf(Kind::kDisk), 64 * kMiB);
  EXPECT_EQ(of_small.ValueOf(Kind::kInodes), 4096U);
  Machine big = Laptop();
  big.memory = 1024 * kGiB;
  big.free_disk = 8192 * kGiB;
  big.free_inodes = 0;
  const Limits of_big = Decide({}, big);
  EXPECT_EQ(of_big.ValueOf(Kind::kMemory), 768 * kGiB);
  EXPECT_EQ(of_big.ValueOf(Kind::kProcesses), 4096U);
  EXPECT_EQ(of_big.ValueOf(Kind::kDisk), 64 * kGiB);
  EXPECT_EQ(of_big.ValueOf(Kind::kInodes), 4'000'000U);
}

TEST(Limits, InMemoryTheDefaultsAreOfTheMemory) {
  policy::Limits asked;
  asked.disk_backing = DiskBacking::kMemory;
  const Limits limits = Decide(asked, Laptop());
  EXPECT_EQ(limits.ValueOf(Kind::kDisk), 8 * kGiB);
  EXPECT_EQ(limits.ValueOf(Kind::kInodes), 16 * kGiB / 8192);
}

struct Row {
  const char* name;
  CgroupFacts cgroup;
  bool root;
  Means cpu_time, memory, processes;
  bool cpus;  // whether they can be limited
};

TEST(Limits, AreHeldByWhatTheMachineHas) {
  const std::vector<Row> rows = {
      {"root v1", RootV1(), true, Means::kSampled, Means::kCgroup, Means::kCgroup, true},
      {"root v2", RootV2(), true, Means::kClock, Means::kCgroup, Means::kCgroup, true},
      {"user with systemd", UserSystemd(), false, Means::kClock, Means::kCgroup, Means::kCgroup,
       false},
      {"user without", UserWithout(), false, Means::kSampled, Means::kSampled, Means::kResource,
       false},
      {"root without", UserWithout(), true, Means::kSampled, Means::kSampled, Means::kResource,
       false}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const Limits limits = Decide(Everything(row.cpus), Laptop(row.cgroup), row.root);
    EXPECT_EQ(limits.cgroup, row.cgroup);
    const auto means = [&](Kind kind) {
      const Limit* limit = limits.Find(kind);
      EXPECT_NE(limit, nullptr) << policy::NameOf(kind);
      return limit != nullptr ? limit->means : Means::kClock;
    };
    EXPECT_EQ(means(Kind::kTime), Means::kClock);
    EXPECT_EQ(means(Kind::kIdle), Means::kClock);
    EXPECT_EQ(means(Kind::kCpuTime), row.cpu_time);
    EXPECT_EQ(means(Kind::kMemory), row.memory);
    EXPECT_EQ(means(Kind::kProcesses), row.processes);
    EXPECT_EQ(means(Kind::kDisk), Means::kSampled);
    EXPECT_EQ(means(Kind::kInodes), Means::kSampled);
    EXPECT_EQ(means(Kind::kOpenFiles), Means::kResource);
    if (row.cpus) {
      EXPECT_EQ(means(Kind::kCpus), Means::kCgroup);
    } else {
      const Error error = WhyNot(Everything(true), Laptop(row.cgroup), row.root);
      EXPECT_EQ(error.code, Errc::kUnsupported);
      EXPECT_THAT(error.what, HasSubstr("--cpus 1.5: nothing can hold that here: "));
      EXPECT_FALSE(error.remedy.empty());
    }
    for (const Limit& limit : limits.all) {
      EXPECT_EQ(limit.interval_ms != 0, !IsHard(limit.means)) << policy::NameOf(limit.kind);
      EXPECT_EQ(limit.overshoot.empty(), IsHard(limit.means)) << policy::NameOf(limit.kind);
    }
    const std::vector<Limit>& all = limits.all;
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Limit::kind));
  }
}

TEST(Limits, TellsWhyProcessorsCannotBeLimited) {
  EXPECT_THAT(WhyNot(Everything(true), Laptop(UserWithout())).what,
              HasSubstr("no systemd answers"));
  EXPECT_THAT(WhyNot(Everything(true), Laptop(UserSystemd())).what,
              HasSubstr("has no cpu controller"));
  // A bound is as little held by nothing as a choice.
  policy::Limits bound;
  bound.Of(Kind::kCpus).at_most = 2000;
  bound.Of(Kind::kCpus).at_most_from = "ambit.toml:2:8: limits.cpus";
  EXPECT_THAT(WhyNot(bound, Laptop()).what, HasSubstr("ambit.toml:2:8: limits.cpus 2:"));
}

TEST(Limits, IoIsHeldByTheCgroupOfADiskOrNotAtAll) {
  const policy::Limits asked = Asked(Kind::kIo, 10 * kMiB, "--io");
  Machine machine = Laptop(RootV2());
  EXPECT_EQ(WhyNot(asked, machine, true).what,
            "--io 10 MiB/s: nothing can hold that here: the cgroup that a run gets has no io "
            "controller");
  machine.cgroup.io = "/sys/fs/cgroup";
  machine.why_no_disk = "the file system of '/s' is on no block device";
  const Error error = WhyNot(asked, machine, true);
  EXPECT_EQ(error.code, Errc::kUnsupported);
  EXPECT_EQ(error.what,
            "--io 10 MiB/s: nothing can hold that here: the file system of '/s' is on no block "
            "device");
  EXPECT_THAT(error.remedy, HasSubstr("XDG_STATE_HOME"));
  EXPECT_EQ(DescribeHold(Kind::kIo, machine),
            "nothing can hold that here: the file system of '/s' is on no block device");
  machine.disk = "8:0";
  const Limits held = Decide(asked, machine, true);
  EXPECT_EQ(held.Find(Kind::kIo)->means, Means::kCgroup);
  EXPECT_EQ(held.io_disk, "8:0");
  EXPECT_EQ(Describe(*held.Find(Kind::kIo), held.cgroup),
            "io 10 MiB/s hard: cgroup v2, reads and writes (--io)");
  EXPECT_THAT(WhyNot(asked, Laptop(UserWithout())).what, HasSubstr("no systemd answers"));
  // Nobody's run fails because there is no such controller.
  EXPECT_EQ(Decide({}, Laptop()).Find(Kind::kIo), nullptr);
}

TEST(Limits, SampledMemoryIsLookedAtMoreOften) {
  const Limits limits = Decide({}, Laptop());
  EXPECT_EQ(limits.Find(Kind::kMemory)->interval_ms, 50U);
  EXPECT_EQ(limits.Find(Kind::kDisk)->interval_ms, 250U);
}

TEST(Limits, ABoundHoldsWhateverIsChosenAndByDefault) {
  policy::Limits asked = Asked(Kind::kMemory, 8 * kGiB, "--memory");
  asked.Of(Kind::kMemory).at_most = 2 * kGiB;
  asked.Of(Kind::kMemory).at_most_from = "ambit.toml:3:10: limits.memory";
  asked.Of(Kind::kTime).at_most = 1000;
  asked.Of(Kind::kTime).at_most_from = "managed";
  const Limits limits = Decide(asked, Laptop());
  EXPECT_EQ(limits.ValueOf(Kind::kMemory), 2 * kGiB);
  EXPECT_EQ(limits.Find(Kind::kMemory)->from, "ambit.toml:3:10: limits.memory");
  EXPECT_EQ(limits.ValueOf(Kind::kTime), 1000U);
  EXPECT_EQ(limits.Find(Kind::kTime)->from, "managed");
}

TEST(Limits, ABoundNeverRaises) {
  policy::Limits asked;
  asked.Of(Kind::kMemory).at_most = 64 * kGiB;
  asked.Of(Kind::kMemory).at_most_from = "ambit.toml";
  const Limits limits = Decide(asked, Laptop());
  EXPECT_EQ(limits.ValueOf(Kind::kMemory), 12 * kGiB);
  EXPECT_EQ(limits.Find(Kind::kMemory)->from, "default");
}

TEST(Limits, ABoundHoldsForWhoWantsNoLimit) {
  policy::Limits asked = Asked(Kind::kMemory, kNoLimit);
  EXPECT_EQ(Decide(asked, Laptop()).Find(Kind::kMemory), nullptr);
  asked.Of(Kind::kMemory).at_most = kGiB;
  EXPECT_EQ(Decide(asked, Laptop()).ValueOf(Kind::kMemory), kGiB);
}

TEST(Limits, NobodyOpensMoreFilesThanTheLauncherMay) {
  const Limits limits = Decide(Asked(Kind::kOpenFiles, 100'000), Laptop());
  EXPECT_EQ(limits.ValueOf(Kind::kOpenFiles), 4096U);
  EXPECT_EQ(limits.Find(Kind::kOpenFiles)->from, "default");
  EXPECT_EQ(Decide(Asked(Kind::kOpenFiles, kNoLimit), Laptop()).ValueOf(Kind::kOpenFiles), 4096U);
  EXPECT_EQ(Decide(Asked(Kind::kOpenFiles, 256), Laptop()).ValueOf(Kind::kOpenFiles), 256U);
}

TEST(Limits, WhatIsOfAFixedSizeIsHard) {
  policy::Limits asked = Asked(Kind::kDisk, kGiB);
  asked.require_hard = {Kind::kDisk, Kind::kInodes};
  asked.disk_backing = DiskBacking::kMemory;
  const Limits memory = Decide(asked, Laptop());
  EXPECT_EQ(memory.Find(Kind::kDisk)->means, Means::kSizedMemory);
  EXPECT_EQ(memory.Find(Kind::kInodes)->means, Means::kSizedMemory);
  asked.disk_backing = DiskBacking::kImage;
  const Limits image = Decide(asked, Laptop(), /*root=*/true);
  EXPECT_EQ(image.Find(Kind::kDisk)->means, Means::kSizedImage);
  EXPECT_EQ(image.disk_backing, DiskBacking::kImage);
  const Error of_user = WhyNot(asked, Laptop());
  EXPECT_EQ(of_user.code, Errc::kInvalidArgument);
  EXPECT_THAT(of_user.remedy, HasSubstr("--disk-backing memory"));
}

TEST(Limits, ProjectQuotaHoldsWhatIsOnTheDiskAndNothingElse) {
  policy::Limits asked = Asked(Kind::kDisk, kGiB, "--disk");
  asked.require_hard = {Kind::kDisk, Kind::kInodes};
  Machine machine = Laptop();
  EXPECT_EQ(WhyNot(asked, machine, true).code, Errc::kInvalidArgument);
  machine.project_quota = true;
  const Limits held = Decide(asked, machine, true);
  EXPECT_EQ(held.Find(Kind::kDisk)->means, Means::kProjectQuota);
  EXPECT_EQ(held.Find(Kind::kInodes)->means, Means::kProjectQuota);
  EXPECT_EQ(Describe(*held.Find(Kind::kDisk), held.cgroup),
            "disk 1 GiB hard: project quota (--disk)");
  EXPECT_EQ(DescribeHold(Kind::kInodes, machine), "hard: project quota");
  asked.disk_backing = DiskBacking::kImage;
  EXPECT_EQ(Decide(asked, machine, true).Find(Kind::kDisk)->means, Means::kSizedImage);
  asked.disk_backing = DiskBacking::kMemory;
  EXPECT_EQ(Decide(asked, machine, true).Find(Kind::kDisk)->means, Means::kSizedMemory);
}

TEST(Limits, WhatIsOfAFixedSizeNeedsOne) {
  policy::Limits asked = Asked(Kind::kDisk, kNoLimit);
  asked.disk_backing = DiskBacking::kMemory;
  EXPECT_THAT(WhyNot(asked, Laptop()).what, HasSubstr("has a fixed size"));
}

TEST(Limits, SampledIsNotEnoughForWhoRequiresMore) {
  const auto why = [](Kind kind, CgroupFacts cgroup, bool root = false) {
    policy::Limits asked = Everything(false);
    asked.require_hard = {kind};
    return WhyNot(asked, Laptop(std::move(cgroup)), root);
  };
  const Error disk = why(Kind::kDisk, RootV2(), true);
  EXPECT_EQ(disk.code, Errc::kInvalidArgument);
  EXPECT_EQ(disk.what, "--require-hard disk: here it would only be looked at every 250 ms");
  EXPECT_THAT(disk.remedy, HasSubstr("use --disk-backing memory, or as root image"));
  EXPECT_THAT(disk.remedy, HasSubstr("prjquota"));
  EXPECT_THAT(why(Kind::kMemory, UserWithout()).remedy, HasSubstr("as root"));
  EXPECT_THAT(why(Kind::kCpuTime, RootV1(), true).remedy, HasSubstr("cgroup v2"));
  EXPECT_EQ(why(Kind::kCpus, RootV2()).what,
            "--require-hard cpus: there is no such limit in this run");
  policy::Limits asked = Everything(true);
  asked.require_hard = {Kind::kTime,   Kind::kIdle,      Kind::kCpuTime,  Kind::kCpus,
                        Kind::kMemory, Kind::kProcesses, Kind::kOpenFiles};
  EXPECT_EQ(Decide(asked, Laptop(RootV2()), true).all.size(), 9U);
}

TEST(Limits, TellsWhatWouldHoldEachHere) {
  EXPECT_EQ(DescribeHold(Kind::kCpus, Laptop(RootV2())), "hard: cgroup v2");
  EXPECT_EQ(DescribeHold(Kind::kCpus, Laptop(UserWithout())),
            "nothing can hold that here: no cgroup of this user can be written, and no systemd "
            "answers");
  EXPECT_EQ(DescribeHold(Kind::kTime, Laptop()), "hard: timer");
  EXPECT_EQ(DescribeHold(Kind::kCpuTime, Laptop(RootV1())),
            "sampled every 250 ms, more by what 8 processors compute in 250 ms");
}

TEST(Limits, AreToldInOneLine) {
  policy::Limits asked = Asked(Kind::kMemory, 4 * kGiB, "--memory");
  const Limits cgroup = Decide(asked, Laptop(RootV1()), true);
  EXPECT_EQ(Describe(*cgroup.Find(Kind::kMemory), cgroup.cgroup),
            "memory 4 GiB hard: cgroup v1 (--memory)");
  const Limits sampled = Decide(asked, Laptop());
  EXPECT_EQ(Describe(*sampled.Find(Kind::kMemory), sampled.cgroup),
            "memory 4 GiB sampled every 50 ms, more by what can be touched in 50 ms, about 100 MB "
            "(--memory)");
  EXPECT_EQ(Describe(*sampled.Find(Kind::kProcesses), sampled.cgroup),
            "processes 4096 hard: resource limit of the kernel (default)");
}

}  // namespace
}  // namespace ambit::plan
