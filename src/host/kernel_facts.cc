#include "host/kernel_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string_view>

#include "base/text.h"
#include "host/cgroup_facts.h"
#include "sys/file.h"

namespace ambit::host {
namespace {

constexpr std::size_t kMostBytes = 1U << 20;

}  // namespace

std::string DescribeKernel() {
  utsname name{};
  if (::uname(&name) != 0) return "unknown";
  return fmt::format("{} {} {}", name.sysname, name.release, name.machine);
}

std::string DescribeCgroups() {
  const Result<CgroupFacts> facts = ReadCgroupFacts();
  if (!facts) return facts.error().what;
  std::string controllers;
  for (const Controller controller : facts->controllers) {
    controllers += fmt::format(" {}", NameOf(controller));
  }
  switch (facts->kind) {
    case CgroupKind::kNone:
      return "none for a run: " + facts->why_none;
    case CgroupKind::kV1:
      return "v1:" + controllers;
    case CgroupKind::kV2:
      return "v2:" + controllers;
    case CgroupKind::kSystemd:
      return "v2, from your systemd:" + controllers;
  }
  return {};
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
