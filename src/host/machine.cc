#include "host/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <system_error>

#include "base/fd.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/quota.h"

namespace ambit::host {
namespace {

/// Bytes; what cgroups do not limit is huge in v1 and "max" in v2.
std::uint64_t LimitOfContainer(const std::string& root) {
  constexpr std::size_t kNumber = 64;
  for (const char* path : {"/sys/fs/cgroup/memory.max",                       // v2
                           "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {  // v1
    const auto text = sys::ReadSmallFile(AT_FDCWD, (root + path).c_str(), kNumber);
    if (!text) continue;
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), bytes);
    return error == std::errc() && bytes > 0 ? bytes : UINT64_MAX;
  }
  return UINT64_MAX;
}

std::uint64_t Memory(const std::string& root) {
  struct sysinfo info{};
  if (::sysinfo(&info) != 0) return 0;
  return std::min(std::uint64_t{info.totalram} * info.mem_unit, LimitOfContainer(root));
}

std::uint64_t Processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // EINVAL: more processors than the set has room for.
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return CPU_SETSIZE;
  return static_cast<std::uint64_t>(CPU_COUNT(&set));
}

std::uint64_t OpenFiles() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 0;
}

/// Asks of the nearest directory that exists: the rest will be made in it.
Status AskNearest(const std::string& path, const char* what,
                  const std::function<int(const char*)>& ask) {
  for (std::string dir = path;; dir.resize(dir.rfind('/'))) {
    if (ask(dir.empty() ? "/" : dir.c_str()) == 0) return {};
    if (errno != ENOENT || dir.rfind('/') == std::string::npos) {
      return FailErrno(errno, fmt::format("{} '{}'", what, Printable(dir)));
    }
  }
}

Status ReadFreeSpace(const std::string& path, MachineFacts& facts) {
  struct statfs info{};
  AMBIT_CHECK(AskNearest(path, "statfs", [&](const char* dir) { return ::statfs(dir, &info); }));
  facts.free_disk = std::uint64_t{info.f_bavail} * static_cast<std::uint64_t>(info.f_bsize);
  facts.free_inodes = info.f_ffree;
  return {};
}

}  // namespace

Result<std::string> DiskOf(const std::string& path, const std::string& root) {
  struct stat info{};
  AMBIT_CHECK(AskNearest(path, "stat", [&](const char* dir) { return ::stat(dir, &info); }));
  const std::string device =
      fmt::format("{}/sys/dev/block/{}:{}", root, major(info.st_dev), minor(info.st_dev));
  const bool is_part = ::access((device + "/partition").c_str(), F_OK) == 0;
  // A link into the tree of devices, where a partition lies below its disk.
  constexpr std::size_t kNumber = 64;
  const auto number =
      sys::ReadSmallFile(AT_FDCWD, (device + (is_part ? "/../dev" : "/dev")).c_str(), kNumber);
  if (number) return number->substr(0, number->find('\n'));
  return Fail(Errc::kUnsupported,
              fmt::format("the file system of '{}' is on no block device of its own (in memory, "
                          "overlay, btrfs, of the network)",
                          Printable(path)));
}

bool HasProjectQuota(const std::string& path) {
  Fd dir;
  const Status opened = AskNearest(path, "open", [&](const char* nearest) {
    dir = Fd(::open(nearest, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return dir ? 0 : -1;
  });
  if (!opened || !sys::HoldsProjectQuota(dir.get())) return false;
  const Result<std::uint32_t> project = sys::ProjectOf(dir.get());
  return project && *project == sys::kNoProject;
}

Result<MachineFacts> ReadMachine(const std::string& state_root, const std::string& root) {
  MachineFacts facts;
  facts.memory = Memory(root);
  facts.processors = Processors();
  facts.open_files = OpenFiles();
  AMBIT_CHECK(ReadFreeSpace(state_root, facts));
  return facts;
}

}  // namespace ambit::host
