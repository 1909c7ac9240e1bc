#pragma once
// Which control groups this process may make for a run, and what they can hold. Read only: nothing
// is made and nobody is asked.
//
// Where a run's cgroup may be:
// - v1, as root: below this process's own cgroup of each controller, so that what bounds ambit
//   bounds its runs too. Processes and cgroups may be side by side there.
// - v2: in a cgroup that gives controllers to its children, which none may that holds processes
//   itself ("no internal processes"; the machine's own root is exempt). So never ambit's own. As
//   root the top of the mount; as a user the nearest cgroup above ambit's own that is theirs: who
//   moves a process needs cgroup.procs of the nearest cgroup that is above both places.
// - v2 as a user otherwise: a scope that the person's systemd makes.
//
// Who calls: planning, doctor. Source: cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace ambit::host {

enum class Controller : std::uint8_t { kMemory, kPids, kCpu, kIo };

/// As the kernel calls it in v2 and in v1: "memory".
std::string_view NameOf(Controller controller);

enum class CgroupKind : std::uint8_t {
  kNone,     // nothing that this process could make a cgroup in: `why_none`
  kV1,       // one directory for each controller
  kV2,       // `directories[0]` is one in which this process may make cgroups
  kSystemd,  // v2, and this person's systemd would give one (StartTransientUnit)
};

struct CgroupFacts {
  CgroupKind kind = CgroupKind::kNone;
  /// That a cgroup of a run would have. Never kIo: only a run whose io is limited gets it (`io`).
  std::vector<Controller> controllers;
  std::vector<std::string> directories;  // kV1: beside `controllers`; kV2: one; kSystemd: none
  std::string cpuacct;                   // kV1: where used processor time is counted. May be empty
  /// Where a run gets the controller of io when it asks for it: kV1: the directory of blkio; kV2:
  /// `directories[0]`. Empty: nowhere.
  std::string io = {};
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
