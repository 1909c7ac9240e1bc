// What is written to and read from the files of v1 and v2, in a directory that stands for a cgroup.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "supervise/cgroup_limits.h"

namespace ambit::supervise {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class CgroupFilesIn : public testing::Test {
 protected:
  CgroupFilesIn() {
    std::string name = "/tmp/ambit-cgroup-files-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  ~CgroupFilesIn() override { fs::remove_all(directory_); }

  void Put(const char* file, std::string_view text = {}) const {
    std::ofstream(directory_ + "/" + file) << text;
  }
  [[nodiscard]] std::string Content(const char* file) const {
    std::ostringstream text;
    text << std::ifstream(directory_ + "/" + file).rdbuf();
    return text.str();
  }
  [[nodiscard]] CgroupDirectory Open() const { return CgroupDirectory::Open(directory_).value(); }

  std::string directory_;
};

TEST_F(CgroupFilesIn, V2GetsItsLimitsAndNoSwap) {
  for (const char* file : {"memory.max", "memory.swap.max", "pids.max", "cpu.max"}) Put(file);
  ASSERT_TRUE(SetLimitsV2(Open(), {.memory = 1'000'000, .processes = 50, .cpus = 2500}));
  EXPECT_EQ(Content("memory.max"), "1000000");
  EXPECT_EQ(Content("memory.swap.max"), "0");
  EXPECT_EQ(Content("pids.max"), "50");
  EXPECT_EQ(Content("cpu.max"), "250000 100000");
}

TEST_F(CgroupFilesIn, AFileThatIsNotThereIsNamedWithTheValue) {
  const Status set = SetLimitsV2(Open(), {.memory = 7'000'000, .processes = {}, .cpus = {}});
  ASSERT_FALSE(set.has_value());
  EXPECT_THAT(set.error().what, HasSubstr("write '7000000' to '" + directory_ + "/memory.max'"));
}

TEST_F(CgroupFilesIn, V1LimitsMemoryWithSwapOrTellsTheKernelNotToSwap) {
  Put("memory.limit_in_bytes");
  Put("memory.swappiness");
  ASSERT_TRUE(LimitMemoryV1(Open(), 4096));
  EXPECT_EQ(Content("memory.swappiness"), "0");
  Put("memory.swappiness");
  Put("memory.memsw.limit_in_bytes");
  ASSERT_TRUE(LimitMemoryV1(Open(), 4096));
  EXPECT_EQ(Content("memory.limit_in_bytes"), "4096");
  EXPECT_EQ(Content("memory.memsw.limit_in_bytes"), "4096");
  EXPECT_EQ(Content("memory.swappiness"), "");
}

TEST_F(CgroupFilesIn, TheRateOfIoIsOfOneDiskForReadsAndForWrites) {
  const IoLimit io{.disk = "8:0", .bytes_per_second = 4'000'000};
  Put("io.max");
  ASSERT_TRUE(SetLimitsV2(Open(), {.memory = {}, .processes = {}, .cpus = {}, .io = io}));
  EXPECT_EQ(Content("io.max"), "8:0 rbps=4000000 wbps=4000000");
  Put("blkio.throttle.read_bps_device");
  Put("blkio.throttle.write_bps_device");
  ASSERT_TRUE(LimitIoV1(Open(), io));
  EXPECT_EQ(Content("blkio.throttle.read_bps_device"), "8:0 4000000");
  EXPECT_EQ(Content("blkio.throttle.write_bps_device"), "8:0 4000000");
}

TEST_F(CgroupFilesIn, OnlyControllersThatAreMissingAreGiven) {
  host::CgroupFacts facts;
  facts.controllers = {host::Controller::kMemory, host::Controller::kPids, host::Controller::kCpu};
  Put("cgroup.subtree_control", "cpuset memory\n");
  ASSERT_TRUE(GiveControllers(Open(), facts));
  EXPECT_THAT(Content("cgroup.subtree_control"), testing::StartsWith("+pids +cpu"));
  Put("cgroup.subtree_control", "pids cpu memory\n");
  ASSERT_TRUE(GiveControllers(Open(), facts));
  EXPECT_EQ(Content("cgroup.subtree_control"), "pids cpu memory\n");
}

TEST_F(CgroupFilesIn, V2IsReadAndWhatIsMissingIsNotZero) {
  Put("memory.current", "4096\n");
  Put("memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n");
  Put("pids.events", "max 9\n");
  Put("pids.current", "3\n");
  Put("cpu.stat", "usage_usec 77\nuser_usec 70\n");
  Put("memory.pressure",
      "some avg10=0.00 avg60=1.00 avg300=0.00 total=12\nfull avg10=0.00 avg60=0.00 avg300=0.00 "
      "total=3\n");
  Put("cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=8\n");
  const CgroupUsage usage = ReadV2(Open());
  EXPECT_EQ(usage.memory_bytes, 4096U);
  EXPECT_EQ(usage.oom_kills, 5U);
  EXPECT_EQ(usage.refused_processes, 9U);
  EXPECT_EQ(usage.processes, 3U);
  EXPECT_EQ(usage.cpu_usec, 77U);
  ASSERT_TRUE(usage.memory_pressure && usage.cpu_pressure);
  EXPECT_EQ(usage.memory_pressure->some_usec, 12U);
  EXPECT_EQ(usage.memory_pressure->full_usec, 3U);
  EXPECT_EQ(usage.cpu_pressure->some_usec, 8U);
  EXPECT_FALSE(usage.memory_peak_bytes);
  EXPECT_FALSE(usage.io_pressure);
}

TEST_F(CgroupFilesIn, AnAlarmTellsOfAChangedFileUntilItIsAcknowledged) {
  Put("memory.events", "oom_kill 0\n");
  CgroupAlarm alarm;
  EXPECT_EQ(alarm.fd(), -1);
  alarm.WatchFile(directory_ + "/memory.events");
  const auto told = [&] {
    pollfd poll{.fd = alarm.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  };
  EXPECT_FALSE(told());
  Put("memory.events", "oom_kill 1\n");
  EXPECT_TRUE(told());
  alarm.Acknowledge();
  EXPECT_FALSE(told());
}

TEST(CpuQuota, IsTheShareInAPeriodTheKernelTakes) {
  const auto is = [](std::uint64_t thousandths, std::uint64_t quota, std::uint64_t period) {
    const CpuQuota made = QuotaOf(thousandths);
    return made.quota == quota && made.period == period;
  };
  EXPECT_TRUE(is(1000, 100'000, 100'000));
  EXPECT_TRUE(is(2500, 250'000, 100'000));
  EXPECT_TRUE(is(10, 1'000, 100'000));
  EXPECT_TRUE(is(9, 9'000, 1'000'000));
  EXPECT_TRUE(is(1, 1'000, 1'000'000));
}

}  // namespace
}  // namespace ambit::supervise
