#include "host/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/text.h"
#include "sys/file.h"

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

/// Of the nearest directory that exists: the rest will be made in it.
Status ReadFreeSpace(const std::string& path, MachineFacts& facts) {
  struct statfs info{};
  for (std::string dir = path;; dir.resize(dir.rfind('/'))) {
    if (::statfs(dir.empty() ? "/" : dir.c_str(), &info) == 0) break;
    if (errno != ENOENT || dir.rfind('/') == std::string::npos) {
      return FailErrno(errno, fmt::format("statfs '{}'", Printable(dir)));
    }
  }
  facts.free_disk = std::uint64_t{info.f_bavail} * static_cast<std::uint64_t>(info.f_bsize);
  facts.free_inodes = info.f_ffree;
  return {};
}

}  // namespace

Result<MachineFacts> ReadMachine(const std::string& state_root, const std::string& root) {
  MachineFacts facts;
  facts.memory = Memory(root);
  facts.processors = Processors();
  facts.open_files = OpenFiles();
  AMBIT_CHECK(ReadFreeSpace(state_root, facts));
  return facts;
}

}  // namespace ambit::host
