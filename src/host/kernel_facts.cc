#include "host/kernel_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "base/text.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr const char* kCgroupRoot = "/sys/fs/cgroup";
constexpr std::size_t kMostBytes = 1U << 20;

bool IsCgroup2(const char* path) {
  struct statfs info{};
  return ::statfs(path, &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

std::string FirstLine(const std::string& path) {
  std::string text = sys::ReadSmallFile(AT_FDCWD, path.c_str(), kMostBytes).value_or("");
  text.resize(std::min(text.find('\n'), text.size()));
  return text;
}

/// This process's own directory in the v2 hierarchy: the line "0::/path" of /proc/self/cgroup.
std::string OwnCgroup() {
  std::istringstream lines(
      sys::ReadSmallFile(AT_FDCWD, "/proc/self/cgroup", kMostBytes).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return {};
}

std::string DescribeVersion2() {
  const std::string own = OwnCgroup();
  const std::string directory = kCgroupRoot + own;
  const std::string controllers = FirstLine(directory + "/cgroup.controllers");
  const bool delegated = !own.empty() && ::access(directory.c_str(), W_OK) == 0 &&
                         ::access((directory + "/cgroup.procs").c_str(), W_OK) == 0;
  if (!delegated) return "v2, not delegated to you: no limit could be set";
  return fmt::format("v2, yours to use with controllers: {}",
                     controllers.empty() ? "none" : Printable(controllers));
}

}  // namespace

std::string DescribeKernel() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

std::string DescribeCgroups() {
  std::string what = "none mounted";
  if (IsCgroup2(kCgroupRoot)) {
    what = DescribeVersion2();
  } else if (::access("/proc/self/cgroup", R_OK) == 0 && ::access(kCgroupRoot, X_OK) == 0) {
    what = IsCgroup2("/sys/fs/cgroup/unified") ? "hybrid (limits in v1, root only)"
                                               : "v1 (limits for root only)";
  }
  return what + "; not used yet";
}

std::string FileSystemOf(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return "unknown";
  const std::string device = fmt::format("{}:{}", major(info.st_dev), minor(info.st_dev));
  std::istringstream lines(
      sys::ReadSmallFile(AT_FDCWD, "/proc/self/mountinfo", kMostBytes).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    // "36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw": proc(5).
    std::istringstream fields(line);
    std::string id;
    std::string parent;
    std::string number;
    fields >> id >> parent >> number;
    const std::size_t dash = line.find(" - ");
    if (number != device || dash == std::string::npos) continue;
    const std::size_t start = dash + 3;
    return Printable(line.substr(start, line.find(' ', start) - start));
  }
  return "unknown";
}

}  // namespace ambit::host
