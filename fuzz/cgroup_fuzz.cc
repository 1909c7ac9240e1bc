// Property: what is read out of mountinfo and cgroup tables are absolute paths, without the bytes
// that part their lines and fields, and the directory of a cgroup lies below its mount.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/path.h"
#include "host/cgroup_files.h"

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

/// What is before the first NUL is a mountinfo, what is behind it a list of own cgroups.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\0');
  const auto mounts = ambit::host::ParseCgroupMounts(text.substr(0, end));
  const auto own =
      ambit::host::ParseOwnCgroups(end == std::string_view::npos ? text : text.substr(end + 1));
  for (const auto& cgroup : own) {
    Require(cgroup.path.starts_with('/') && !cgroup.path.contains('\n'));
    for (const std::string& name : cgroup.controllers) {
      Require(!name.empty() && name.find_first_of(",:\n") == std::string::npos);
    }
  }
  for (const auto& mount : mounts) {
    Require(mount.root.starts_with('/') && mount.at.starts_with('/'));
    Require(!mount.unified || mount.controllers.empty());
    for (const auto& cgroup : own) {
      const std::string directory = ambit::host::DirectoryOf(mount, cgroup.path);
      Require(directory.empty() || ambit::IsAtOrBelow(directory, mount.at));
    }
  }
  return 0;
}
