#pragma once
// Which control groups this process may make for a run, and what they can hold. Read only: nothing
// is made and nobody is asked.
// Who calls: planning, doctor. Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace ambit::host {

enum class Controller : std::uint8_t { kMemory, kPids, kCpu, kIo };

enum class CgroupKind : std::uint8_t {
  kNone,     // nothing that this process could make a cgroup in: `why_none`
  kV1,       // one directory for each controller
  kV2,       // `directories[0]` is one in which this process may make cgroups
  kSystemd,  // v2, and this person's systemd would give one (StartTransientUnit)
};

struct CgroupFacts {
  CgroupKind kind = CgroupKind::kNone;
  std::vector<Controller> controllers;   // that a cgroup of a run would have
  std::vector<std::string> directories;  // kV1: beside `controllers`; kV2: one; kSystemd: none
  /// kSystemd: the socket of the bus, "/run/user/1000/bus".
  std::string bus;
  /// A v2 hierarchy without controllers beside v1: cgroup.kill and cgroup.freeze. May be empty.
  std::string unified;
  std::string why_none;  // for people
  bool operator==(const CgroupFacts&) const = default;

  [[nodiscard]] bool Has(Controller controller) const;
};

/// `root` stands before /proc and /sys; only tests give one.
/// Errors: kIo when /proc/self/cgroup or /proc/self/mountinfo cannot be read.
Result<CgroupFacts> ReadCgroupFacts(const std::string& root = {});

}  // namespace ambit::host
