#pragma once
// The limits of a run that its cgroup holds, and the kinds of cgroups that can: what
// RunCgroup::Make chooses from. Who calls: cgroup.cc, tests.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "host/cgroup_facts.h"
#include "plan/limits.h"
#include "supervise/cgroup.h"
#include "supervise/cgroup_directory.h"

namespace ambit::supervise {

/// Of one disk, "8:0".
struct IoLimit {
  std::string disk;
  std::uint64_t bytes_per_second = 0;  // read, and as many written
};

/// As policy::Limit says: bytes, processes and threads, thousandths of a processor.
struct CgroupLimits {
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> processes;
  std::optional<std::uint64_t> cpus;
  std::optional<IoLimit> io = {};
};

/// Errors: kUnsupported when the controller of one is missing in `limits.cgroup`.
Result<CgroupLimits> LimitsHeldByCgroup(const plan::Limits& limits);

/// How long a cgroup may run in each period, both in microseconds. The kernel takes no quota below
/// 1 ms and no period above 1 s.
struct CpuQuota {
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
};
CpuQuota QuotaOf(std::uint64_t thousandths);

Result<std::unique_ptr<RunCgroup>> MakeV1(const host::CgroupFacts& facts,
                                          const CgroupLimits& limits, const std::string& name);
Result<std::unique_ptr<RunCgroup>> MakeV2(const host::CgroupFacts& facts,
                                          const CgroupLimits& limits, const std::string& name);

Result<std::unique_ptr<RunCgroup>> MakeScope(const host::CgroupFacts& facts,
                                             const CgroupLimits& limits, const std::string& name);

/// The parts of MakeV1, MakeV2 and their Read that are about files alone.
Status LimitMemoryV1(const CgroupDirectory& memory, std::uint64_t bytes);
Status LimitIoV1(const CgroupDirectory& blkio, const IoLimit& io);
Status SetLimitsV2(const CgroupDirectory& run, const CgroupLimits& limits);
/// Lets children of `parent` have the controllers; done already is fine.
Status GiveControllers(const CgroupDirectory& parent, const host::CgroupFacts& facts);
CgroupUsage ReadV2(const CgroupDirectory& run);

}  // namespace ambit::supervise
