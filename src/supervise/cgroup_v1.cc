// Version 1: one directory in each controller's hierarchy. Beside it one in a v2 hierarchy without
// controllers where there is one, for cgroup.kill, cgroup.freeze and pressure.
#include <fmt/format.h>

#include <algorithm>
#include <list>

#include "supervise/cgroup_limits.h"

namespace ambit::supervise {
namespace {

class CgroupV1 final : public RunCgroup {
 public:
  Status MakeDirectories(const host::CgroupFacts& facts, const CgroupLimits& limits,
                         const std::string& name) {
    for (std::size_t i = 0; i < facts.controllers.size(); ++i) {
      AMBIT_TRY(const CgroupDirectory* made, Place(facts.directories.at(i), name));
      if (facts.controllers[i] == host::Controller::kMemory) memory_ = made;
      if (facts.controllers[i] == host::Controller::kPids) pids_ = made;
      if (facts.controllers[i] == host::Controller::kCpu) cpu_ = made;
    }
    if (!facts.cpuacct.empty()) {
      AMBIT_TRY(cpuacct_, Place(facts.cpuacct, name));
    }
    if (limits.io) {
      AMBIT_TRY(blkio_, Place(facts.io, name));
    }
    if (!facts.unified.empty()) {
      AMBIT_TRY(unified_, Place(facts.unified, name));
    }
    return {};
  }

  Status Hold(const CgroupLimits& limits) override {
    if (limits.memory) AMBIT_CHECK(LimitMemoryV1(*memory_, *limits.memory));
    if (limits.processes) AMBIT_CHECK(pids_->Write("pids.max", fmt::to_string(*limits.processes)));
    if (limits.cpus) {
      const CpuQuota quota = QuotaOf(*limits.cpus);
      AMBIT_CHECK(cpu_->Write("cpu.cfs_period_us", fmt::to_string(quota.period)));
      AMBIT_CHECK(cpu_->Write("cpu.cfs_quota_us", fmt::to_string(quota.quota)));
    }
    if (limits.io) AMBIT_CHECK(LimitIoV1(*blkio_, *limits.io));
    if (memory_ != nullptr) alarm_.WatchOutOfMemory(memory_->path());
    // v1's pids.events tells nobody that it has changed (seen on Linux 6.18): Read() shows it.
    return {};
  }

  [[nodiscard]] Result<std::vector<Fd>> Doors() const override {
    std::vector<Fd> doors;
    for (const CgroupDirectory& directory : directories_) {
      AMBIT_TRY(Fd door, directory.OpenToWrite("tasks"));
      doors.push_back(std::move(door));
    }
    return doors;
  }

  Status AddProcess(pid_t pid) override {
    for (const CgroupDirectory& directory : directories_) {
      AMBIT_CHECK(directory.Write("cgroup.procs", fmt::to_string(pid)));
    }
    return {};
  }

  [[nodiscard]] CgroupUsage Read() const override {
    CgroupUsage usage;
    if (unified_ != nullptr) usage = ReadV2(*unified_);
    if (memory_ != nullptr) {
      usage.memory_bytes = memory_->Number("memory.usage_in_bytes");
      usage.memory_peak_bytes = memory_->Number("memory.max_usage_in_bytes");
      usage.oom_kills = memory_->Entry("memory.oom_control", "oom_kill");
    }
    if (pids_ != nullptr) {
      usage.processes = pids_->Number("pids.current");
      usage.processes_peak = pids_->Number("pids.peak");
      usage.refused_processes = pids_->Entry("pids.events", "max");
    }
    if (cpuacct_ != nullptr) {
      usage.cpu_usec = cpuacct_->Number("cpuacct.usage");
      if (usage.cpu_usec) *usage.cpu_usec /= 1000;  // nanoseconds
    }
    return usage;
  }

  Status Freeze(bool frozen) override { return WriteUnified("cgroup.freeze", frozen ? "1" : "0"); }
  Status Kill() override { return WriteUnified("cgroup.kill", "1"); }

  Status Remove() override {
    Status removed;
    for (CgroupDirectory& directory : directories_) {
      if (Status one = directory.Remove(); !one && removed) removed = std::move(one);
    }
    return removed;
  }

 private:
  /// Two controllers may share a hierarchy.
  Result<const CgroupDirectory*> Place(const std::string& parent, const std::string& name) {
    const std::string path = parent + "/" + name;
    const auto found = std::ranges::find(directories_, path, &CgroupDirectory::path);
    if (found != directories_.end()) return &*found;
    AMBIT_TRY(CgroupDirectory made, CgroupDirectory::Make(parent, name));
    return &directories_.emplace_back(std::move(made));
  }

  Status WriteUnified(const char* file, std::string_view value) const {
    if (unified_ != nullptr && unified_->Has(file)) return unified_->Write(file, value);
    return Fail(Errc::kUnsupported, fmt::format("cgroup v1 alone has no '{}'", file));
  }

  std::list<CgroupDirectory> directories_;
  const CgroupDirectory* memory_ = nullptr;
  const CgroupDirectory* pids_ = nullptr;
  const CgroupDirectory* cpu_ = nullptr;
  const CgroupDirectory* cpuacct_ = nullptr;
  const CgroupDirectory* blkio_ = nullptr;
  const CgroupDirectory* unified_ = nullptr;
};

}  // namespace

Status LimitMemoryV1(const CgroupDirectory& memory, std::uint64_t bytes) {
  const std::string value = fmt::to_string(bytes);
  AMBIT_CHECK(memory.Write("memory.limit_in_bytes", value));
  // Memory and swap together, which may not be less: so after it. Kernels that do not account swap
  // have no such file, and are told not to swap instead.
  if (memory.Has("memory.memsw.limit_in_bytes")) {
    return memory.Write("memory.memsw.limit_in_bytes", value);
  }
  return memory.Write("memory.swappiness", "0");
}

Status LimitIoV1(const CgroupDirectory& blkio, const IoLimit& io) {
  const std::string value = fmt::format("{} {}", io.disk, io.bytes_per_second);
  AMBIT_CHECK(blkio.Write("blkio.throttle.read_bps_device", value));
  return blkio.Write("blkio.throttle.write_bps_device", value);
}

Result<std::unique_ptr<RunCgroup>> MakeV1(const host::CgroupFacts& facts,
                                          const CgroupLimits& limits, const std::string& name) {
  auto cgroup = std::make_unique<CgroupV1>();
  AMBIT_CHECK(cgroup->MakeDirectories(facts, limits, name));
  AMBIT_CHECK(cgroup->Hold(limits));
  return cgroup;
}

}  // namespace ambit::supervise
