#pragma once
// What a person wants to know about this machine beside the primitives. For `ambit doctor` only:
// nothing in a run depends on it.
#include <string>

namespace ambit::host {

/// "Linux 6.12.1 x86_64".
std::string DescribeKernel();

/// Version of the cgroup hierarchy and whether a run could set limits in it.
std::string DescribeCgroups();

/// The file system that holds `path`, by its name in /proc/self/mountinfo; "unknown" without one.
std::string FileSystemOf(const std::string& path);

}  // namespace ambit::host
