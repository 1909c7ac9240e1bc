// Version 2: `<place>/ambit/ambit-<run>`. The level between is ours: what it gives to its children
// nobody above can take away any more (the kernel refuses), so that somebody else's change to the
// place, as systemd makes them, never lifts a limit of a run.
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "base/text.h"
#include "supervise/cgroup_limits.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

constexpr int kMostAttempts = 8;
constexpr const char* kLevel = "/ambit";

class CgroupV2 final : public RunCgroup {
 public:
  CgroupV2(CgroupDirectory run, std::string level)
      : run_(std::move(run)), level_(std::move(level)) {
    alarm_.WatchFile(run_.path() + "/memory.events");
    alarm_.WatchFile(run_.path() + "/pids.events");
  }
  // The run's directory has to be gone before the level is.
  ~CgroupV2() override { (void)Remove(); }
  CgroupV2(const CgroupV2&) = delete;
  CgroupV2& operator=(const CgroupV2&) = delete;

  Status Hold(const CgroupLimits& limits) override {
    if (limits.io) AMBIT_CHECK(GiveIo());
    return SetLimitsV2(run_, limits);
  }
  [[nodiscard]] int BornIn() const override { return run_.fd(); }
  Status AddProcess(pid_t pid) override { return run_.Write("cgroup.procs", fmt::to_string(pid)); }
  [[nodiscard]] CgroupUsage Read() const override { return ReadV2(run_); }
  Status Freeze(bool frozen) override { return run_.Write("cgroup.freeze", frozen ? "1" : "0"); }
  Status Kill() override { return run_.Write("cgroup.kill", "1"); }

  Status Remove() override {
    AMBIT_CHECK(run_.Remove());
    // Stays while another run is in it.
    ::rmdir(level_.c_str());
    return {};
  }

 private:
  /// To this run's siblings as well, who have no limit of it: nobody else's run asks for it.
  Status GiveIo() const {
    host::CgroupFacts io;
    io.controllers = {host::Controller::kIo};
    for (const std::string& parent : {level_.substr(0, level_.rfind('/')), level_}) {
      AMBIT_TRY(const CgroupDirectory opened, CgroupDirectory::Open(parent));
      AMBIT_CHECK(GiveControllers(opened, io));
    }
    return {};
  }

  CgroupDirectory run_;
  std::string level_;
};

bool HasSwap() {
  // A line of headings, then one for each.
  const auto swaps = sys::ReadSmallFile(AT_FDCWD, "/proc/swaps", 64U << 10);
  return !swaps || std::ranges::count(*swaps, '\n') > 1;
}

/// The level, and the run's directory in it. Another run that ends may remove the level meanwhile.
Result<CgroupDirectory> MakeBelow(const host::CgroupFacts& facts, const std::string& name) {
  const std::string level = facts.directories.at(0) + kLevel;
  AMBIT_TRY(const CgroupDirectory place, CgroupDirectory::Open(facts.directories[0]));
  AMBIT_CHECK(GiveControllers(place, facts));
  if (::mkdir(level.c_str(), 0755) != 0 && errno != EEXIST) {
    return FailErrno(errno, fmt::format("make cgroup '{}'", Printable(level)));
  }
  AMBIT_TRY(const CgroupDirectory opened, CgroupDirectory::Open(level));
  AMBIT_CHECK(GiveControllers(opened, facts));
  return CgroupDirectory::Make(level, name);
}

}  // namespace

Status GiveControllers(const CgroupDirectory& parent, const host::CgroupFacts& facts) {
  std::istringstream words(parent.Read("cgroup.subtree_control"));
  std::vector<std::string> given;
  for (std::string word; words >> word;) given.push_back(word);
  std::string missing;
  for (const host::Controller controller : facts.controllers) {
    if (std::ranges::find(given, host::NameOf(controller)) != given.end()) continue;
    missing += fmt::format("{}+{}", missing.empty() ? "" : " ", host::NameOf(controller));
  }
  return missing.empty() ? Status() : parent.Write("cgroup.subtree_control", missing);
}

Status SetLimitsV2(const CgroupDirectory& run, const CgroupLimits& limits) {
  if (limits.memory) {
    AMBIT_CHECK(run.Write("memory.max", fmt::to_string(*limits.memory)));
    // Not there when the kernel does not account swap: fine as long as there is none.
    if (run.Has("memory.swap.max") || HasSwap()) AMBIT_CHECK(run.Write("memory.swap.max", "0"));
  }
  if (limits.processes) AMBIT_CHECK(run.Write("pids.max", fmt::to_string(*limits.processes)));
  if (limits.cpus) {
    const CpuQuota quota = QuotaOf(*limits.cpus);
    AMBIT_CHECK(run.Write("cpu.max", fmt::format("{} {}", quota.quota, quota.period)));
  }
  if (limits.io) {
    const auto& [disk, rate] = *limits.io;
    AMBIT_CHECK(run.Write("io.max", fmt::format("{0} rbps={1} wbps={1}", disk, rate)));
  }
  return {};
}

CgroupUsage ReadV2(const CgroupDirectory& run) {
  return {
      .memory_bytes = run.Number("memory.current"),
      .memory_peak_bytes = run.Number("memory.peak"),
      .oom_kills = run.Entry("memory.events", "oom_kill"),
      .processes = run.Number("pids.current"),
      .processes_peak = run.Number("pids.peak"),
      .refused_processes = run.Entry("pids.events", "max"),
      .cpu_usec = run.Entry("cpu.stat", "usage_usec"),
      .memory_pressure = run.PressureIn("memory.pressure"),
      .cpu_pressure = run.PressureIn("cpu.pressure"),
      .io_pressure = run.PressureIn("io.pressure"),
  };
}

Result<std::unique_ptr<RunCgroup>> MakeV2(const host::CgroupFacts& facts,
                                          const CgroupLimits& limits, const std::string& name) {
  for (int attempt = 1;; ++attempt) {
    auto run = MakeBelow(facts, name);
    if (!run) {
      const bool gone = run.error().sys_errno == ENOENT || run.error().sys_errno == ENODEV;
      if (!gone || attempt == kMostAttempts) return std::unexpected(std::move(run).error());
      continue;
    }
    auto cgroup = std::make_unique<CgroupV2>(*std::move(run), facts.directories[0] + kLevel);
    AMBIT_CHECK(cgroup->Hold(limits));
    return cgroup;
  }
}

}  // namespace ambit::supervise
