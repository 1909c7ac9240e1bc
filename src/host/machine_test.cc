#include "host/machine.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace ambit::host {
namespace {

namespace fs = std::filesystem;

class MachineInContainer : public ::testing::Test {
 protected:
  MachineInContainer() {
    std::string name = fs::temp_directory_path() / "machine-XXXXXX";
    top_ = ::mkdtemp(name.data());
  }
  ~MachineInContainer() override { fs::remove_all(top_); }

  std::uint64_t MemoryWith(const std::string& file, const std::string& text) const {
    const fs::path path = top_ / file;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    const auto machine = ReadMachine("/", top_);
    EXPECT_TRUE(machine);
    fs::remove(path);
    return machine ? machine->memory : 0;
  }

  fs::path top_;
};

TEST_F(MachineInContainer, HasTheMemoryOfItsContainer) {
  const std::uint64_t all = ReadMachine("/", top_)->memory;
  EXPECT_EQ(MemoryWith("sys/fs/cgroup/memory.max", "33554432\n"), 33554432U);
  EXPECT_EQ(MemoryWith("sys/fs/cgroup/memory/memory.limit_in_bytes", "33554432\n"), 33554432U);
  EXPECT_EQ(MemoryWith("sys/fs/cgroup/memory.max", "max\n"), all);
  EXPECT_EQ(MemoryWith("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"), all);
}

TEST(Machine, TakesTheDirectoryInWhichTheStateWillBeMade) {
  const auto missing = ReadMachine("/no-such-directory/ambit/runs");
  ASSERT_TRUE(missing) << missing.error().what;
  EXPECT_GT(missing->free_disk, 0U);
  EXPECT_FALSE(ReadMachine("/etc/passwd/ambit"));
}

TEST_F(MachineInContainer, KnowsTheWholeDiskOfAPartitionAndWhereThereIsNone) {
  struct stat info{};
  ASSERT_EQ(::stat(top_.c_str(), &info), 0);
  const fs::path blocks = top_ / "sys/dev/block";
  fs::create_directories(top_ / "sys/devices/disk/part");
  fs::create_directories(blocks);
  EXPECT_EQ(DiskOf(top_, top_).error().code, Errc::kUnsupported);
  fs::create_directory_symlink(
      "../../devices/disk/part",
      blocks / (std::to_string(major(info.st_dev)) + ":" + std::to_string(minor(info.st_dev))));
  std::ofstream(top_ / "sys/devices/disk/dev") << "8:16\n";
  std::ofstream(top_ / "sys/devices/disk/part/dev") << "8:17\n";
  EXPECT_EQ(DiskOf(top_ / "not/yet", top_), "8:17");
  std::ofstream(top_ / "sys/devices/disk/part/partition") << "1\n";
  EXPECT_EQ(DiskOf(top_, top_), "8:16");
}

TEST(Machine, HasNoProjectQuotaInMemoryOrWhereNothingIs) {
  EXPECT_FALSE(HasProjectQuota("/dev/shm/not/yet"));
  EXPECT_FALSE(HasProjectQuota("/etc/passwd/ambit"));
}

TEST(Machine, IsWhatTheKernelSays) {
  const auto machine = ReadMachine("/tmp");
  ASSERT_TRUE(machine) << machine.error().what;
  EXPECT_GT(machine->memory, 64U << 20);
  EXPECT_LE(machine->memory, static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                 static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_GE(machine->processors, 1U);
  EXPECT_LE(machine->processors, static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_CONF)));
  EXPECT_GT(machine->free_disk, 0U);
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  EXPECT_EQ(machine->open_files, files.rlim_max);
}

}  // namespace
}  // namespace ambit::host
