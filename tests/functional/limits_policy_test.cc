// Limits as people ask for them: by flag, by file, bounded by a project's untrusted file and by the
// managed policy; and what `ambit plan` and `ambit doctor` say of them.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "everyday.h"
#include "own_mounts.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

class LimitsPolicy : public Everyday {
 protected:
  Finished Plan(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), "plan");
    flags.insert(flags.end(), {"--", "true"});
    return person_.Ambit(std::move(flags));
  }
  /// The limits of `ambit plan --json` by name.
  std::map<std::string, Json> Limits(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), "--json");
    const Finished plan = Plan(std::move(flags));
    EXPECT_EQ(plan.exit_code, 0) << plan.err;
    const Json parsed = Json::parse(plan.out, nullptr, false);
    std::map<std::string, Json> limits;
    if (!parsed.contains("limits")) {
      ADD_FAILURE() << plan.out;
      return limits;
    }
    for (const Json& limit : parsed["limits"]) limits[limit["limit"]] = limit;
    return limits;
  }
  void User(const std::string& text) { person_.Write("home/.config/ambit/config.toml", text); }
  void Project(const std::string& text) { person_.Write("project/ambit.toml", text); }
  std::string File() const { return person_.project() + "/ambit.toml"; }
};
INSTANTIATE_TEST_SUITE_P(As, LimitsPolicy, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(LimitsPolicy, ThereAreDefaultsThatTheMachineSurvives) {
  const auto limits = Limits();
  for (const char* name : {"memory", "processes", "disk", "inodes", "open_files"}) {
    ASSERT_TRUE(limits.contains(name)) << name;
    EXPECT_EQ(limits.at(name)["from"], "default") << name;
    EXPECT_GT(limits.at(name)["value"].get<std::uint64_t>(), 0U) << name;
  }
  for (const char* name : {"time", "idle", "cpu_time", "cpus", "io"}) {
    EXPECT_FALSE(limits.contains(name)) << name;
  }
  EXPECT_LT(limits.at("memory")["value"].get<std::uint64_t>(),
            static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

TEST_P(LimitsPolicy, FlagsChooseThem) {
  const auto limits =
      Limits({"--time", "1h30m", "--idle", "500ms", "--cpu-time", "2m", "--memory", "1.5GiB",
              "--processes", "64", "--disk", "10MB", "--inodes", "1000", "--open-files", "64"});
  const std::map<std::string, std::uint64_t> wanted = {
      {"time", 5'400'000}, {"idle", 500},        {"cpu_time", 120'000}, {"memory", 1536 * kMiB},
      {"processes", 64},   {"disk", 10'000'000}, {"inodes", 1000},      {"open_files", 64}};
  for (const auto& [name, value] : wanted) {
    ASSERT_TRUE(limits.contains(name)) << name;
    EXPECT_EQ(limits.at(name)["value"].get<std::uint64_t>(), value) << name;
    std::string flag = "--" + name;
    std::ranges::replace(flag, '_', '-');
    EXPECT_EQ(limits.at(name)["from"], flag);
  }
  EXPECT_FALSE(Limits({"--memory", "none"}).contains("memory"));
}

TEST_P(LimitsPolicy, FilesChooseThemAndFlagsAreStronger) {
  User("[limits]\nmemory = \"1GiB\"\nprocesses = 128\n");
  const auto limits = Limits({"--processes", "96"});
  EXPECT_EQ(limits.at("memory")["value"], 1024 * kMiB);
  EXPECT_EQ(limits.at("memory")["from"],
            person_.home() + "/.config/ambit/config.toml:2:10: limits.memory");
  EXPECT_EQ(limits.at("processes")["value"], 96);
}

TEST_P(LimitsPolicy, ThatCannotBeRightStartNothing) {
  Project("[limits]\nmemory = \"8MiB\"\ntime = 90\nrequire_hard = [\"memry\"]\n");
  const Finished file = person_.Ambit({"run", "--", "true"});
  EXPECT_EQ(file.exit_code, 125);
  EXPECT_EQ(
      file.err,
      "ambit: " + File() +
          ":2:10: limits.memory: '8MiB': with less than 16 MiB nothing starts; write 16 MiB "
          "or more, or none for no limit\nambit: " +
          File() + ":3:8: limits.time: a string as '15m', not a number\nambit: " + File() +
          ":4:17: limits.require_hard: 'memry': not one of time, idle, cpu_time, cpus, "
          "memory, processes, disk, inodes, io, open_files, net_out; did you mean 'memory'?\n");
  Project("");
  for (const auto& [flag, value, what] : std::vector<std::array<const char*, 3>>{
           {"--time", "0s", "--time '0s': with less than 1ms"},
           {"--time", "5 minutes", "--time '5 minutes': not a duration"},
           {"--memory", "4G", "--memory '4G': not a size"},
           {"--processes", "3", "--processes '3': with less than 4"},
           {"--cpus", "0.001", "--cpus '0.001': with less than 0.01"},
           {"--disk", "1kB", "--disk '1kB': with less than 1 MiB"},
           {"--io", "1kB", "--io '1kB': with less than 64 KiB/s"},
           {"--disk-backing", "ram", "--disk-backing 'ram': not one of disk, image, memory"},
           {"--audit-files", "some", "--audit-files 'some': not one of all, writes, off"}}) {
    const Finished run = person_.Ambit({"run", flag, value, "--", "true"});
    EXPECT_EQ(run.exit_code, 125) << flag;
    EXPECT_THAT(run.err, HasSubstr(what));
  }
}

TEST_P(LimitsPolicy, AnUntrustedProjectLowersThemAndNeverRaisesThem) {
  Project("[limits]\nmemory = \"900GiB\"\nprocesses = 32\ndisk_backing = \"memory\"\n");
  const auto by_default = Limits();
  EXPECT_EQ(by_default.at("memory")["from"], "default");
  EXPECT_LT(by_default.at("memory")["value"].get<std::uint64_t>(), 900 * 1024 * kMiB);
  EXPECT_EQ(by_default.at("processes")["value"], 32);
  EXPECT_EQ(by_default.at("processes")["from"], File() + ":3:13: limits.processes (not trusted)");
  const Finished told = Plan({"--processes", "64"});
  EXPECT_THAT(told.err,
              HasSubstr("--processes '64' is left out: " + File() + ":3:13 allows at most 32"));
  EXPECT_THAT(told.err, HasSubstr("limits.disk_backing 'memory' is left out"));
  EXPECT_THAT(told.out, HasSubstr("limit processes 32 hard: "));
  EXPECT_THAT(told.out, HasSubstr("layers and home in the state directory\n"));
  EXPECT_THAT(person_.Ambit({"policy", "show"}).out, HasSubstr("at most 32"));

  ASSERT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  EXPECT_EQ(Limits().at("memory")["value"], 900 * 1024 * kMiB);
  EXPECT_EQ(Limits({"--processes", "64"}).at("processes")["value"], 64);
  EXPECT_EQ(Limits().at("disk")["means"], "sized_memory");
}

TEST_P(LimitsPolicy, TheManagedPolicyIsTheMostThatAnybodyGets) {
  person_.Write("managed/policy.toml", "[limits]\nmemory = \"512MiB\"\n[audit]\nfiles = \"all\"\n");
  const Finished plan = InOwnMounts(
      person_,
      "mount -t tmpfs none /mnt; cp -a /etc/. /mnt 2>/dev/null || :; mkdir /mnt/ambit; cp " +
          person_.root() +
          "/managed/policy.toml /mnt/ambit/; chmod 644 /mnt/ambit/policy.toml; "
          "mount --bind /mnt /etc",
      "'" + AmbitBinary() + "' plan --memory none --audit-files off -- true");
  if (::geteuid() != 0) {  // it is not root's, and nothing else can be made here
    EXPECT_THAT(plan.err, HasSubstr("can be written by others than root"));
    return;
  }
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("limit memory 512 MiB "));
  EXPECT_THAT(plan.out, HasSubstr("(/etc/ambit/policy.toml:2:10: limits.memory (managed))"));
  EXPECT_THAT(plan.out, HasSubstr("audit files all\n"));
  EXPECT_THAT(plan.err, HasSubstr("--memory 'none' is left out"));
}

TEST_P(LimitsPolicy, ThePlanSaysWhatIsHardAndWhatIsOnlyLookedAt) {
  const Finished plan = Plan({"--time", "15m"});
  EXPECT_THAT(plan.out, HasSubstr("limit time 15m hard: timer (--time)\n"));
  EXPECT_THAT(plan.out, HasSubstr("limit processes "));
  EXPECT_THAT(plan.out, ::testing::ContainsRegex(
                            "limit disk [^\n]* sampled every 250 ms, more by what is written in "
                            "250 ms and while its files are counted \\(default\\)\n"));
  EXPECT_THAT(plan.out, HasSubstr("audit files writes\n"));
  const auto limits = Limits({"--disk-backing", "memory"});
  EXPECT_EQ(limits.at("disk")["hard"], true);
  EXPECT_EQ(Limits().at("disk")["hard"], false);
  EXPECT_EQ(Limits().at("disk")["interval_ms"], 250);
}

TEST_P(LimitsPolicy, WhatIsRequiredToBeHardAndIsNotStartsNothing) {
  const Finished run = person_.Ambit({"run", "--require-hard", "disk", "--", "touch", "ran"});
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err, HasSubstr("--require-hard disk: here it would only be looked at every 250 "
                                 "ms"));
  EXPECT_THAT(run.err, HasSubstr("use --disk-backing memory"));
  EXPECT_EQ(Plan({"--require-hard", "disk", "--disk-backing", "memory"}).exit_code, 0);
  EXPECT_THAT(Plan({"--require-hard", "time"}).err, HasSubstr("set it with --time"));
  const Finished image = Plan({"--disk-backing", "image"});
  if (GetParam() == Who::kUser) {
    EXPECT_EQ(image.exit_code, 125);
    EXPECT_THAT(image.err, HasSubstr("only root can mount the file system of an image"));
  } else {
    EXPECT_EQ(image.exit_code, 0) << image.err;
    EXPECT_THAT(image.out, HasSubstr("hard: file system of that size"));
  }
}

/// Where nothing can hold it the run says why, and doctor says the same.
TEST_P(LimitsPolicy, IoIsHeldOrTheRunIsRefused) {
  Project("[limits]\nio = \"10MiB\"\n");
  const Finished plan = Plan();
  const std::string doctor = person_.Ambit({"doctor"}).out;
  if (plan.exit_code == 0) {
    EXPECT_THAT(plan.out,
                ::testing::ContainsRegex("limit io 10 MiB/s hard: cgroup v[12], reads and "
                                         "[^\n]* \\([^\n]*limits.io \\(not trusted\\)\\)\n"));
    EXPECT_THAT(doctor, HasSubstr("limit io: hard: cgroup v"));
    EXPECT_THAT(Plan({"--io", "20MiB"}).err, HasSubstr("--io '20MiB' is left out"));
  } else {
    EXPECT_THAT(plan.err,
                HasSubstr(":2:6: limits.io (not trusted) 10 MiB/s: nothing can hold that here: "));
    EXPECT_THAT(plan.err, HasSubstr("or leave io out"));
    EXPECT_THAT(doctor, HasSubstr("limit io: nothing can hold that here: "));
  }
}

TEST_P(LimitsPolicy, StandInTheRecordOfTheRun) {
  ASSERT_EQ(person_.Ambit({"run", "-q", "--time", "10m", "--", "true"}).exit_code, 0);
  const Finished record =
      person_.Execute({"/bin/sh", "-c", "cat \"$HOME\"/.local/state/ambit/runs/*/journal.jsonl"});
  EXPECT_THAT(record.out, HasSubstr("\"time 10m hard: timer (--time)\""));
  const Finished plan =
      person_.Execute({"/bin/sh", "-c", "cat \"$HOME\"/.local/state/ambit/runs/*/plan.json"});
  EXPECT_THAT(plan.out, HasSubstr("{\"limit\": \"time\", \"value\": 600000, \"unit\": \"ms\", "
                                  "\"hard\": true"));
}

TEST_P(LimitsPolicy, DoctorSaysWhatWouldHoldEach) {
  const Finished doctor = person_.Ambit({"doctor"});
  EXPECT_THAT(doctor.out, HasSubstr("limit time: hard: timer\n"));
  EXPECT_THAT(doctor.out, HasSubstr("limit disk: sampled every 250 ms"));
  for (const char* name : {"idle", "cpu_time", "cpus", "memory", "processes", "inodes", "io",
                           "open_files", "net_out"}) {
    EXPECT_THAT(doctor.out, HasSubstr(std::string("limit ") + name + ": "));
  }
}

}  // namespace
}  // namespace ambit::testing
