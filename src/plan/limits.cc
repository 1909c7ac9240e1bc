#include "plan/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace ambit::plan {
namespace {

using Kind = policy::Limit;
using policy::DiskBacking;
using policy::kNoLimit;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

constexpr std::uint32_t kMemoryInterval = 50;  // milliseconds
constexpr std::uint32_t kInterval = 250;

constexpr std::array<Kind, policy::kLimits> kAll = {
    Kind::kTime, Kind::kIdle,   Kind::kCpuTime, Kind::kCpus,      Kind::kMemory, Kind::kProcesses,
    Kind::kDisk, Kind::kInodes, Kind::kIo,      Kind::kOpenFiles, Kind::kNetOut};

/// In v2 every cgroup counts the processor time of what was ever in it.
bool CountsProcessorTime(const host::CgroupFacts& cgroup) {
  return !cgroup.cpuacct.empty() || cgroup.kind == host::CgroupKind::kV2 ||
         cgroup.kind == host::CgroupKind::kSystemd;
}

bool IsSized(DiskBacking backing) { return backing != DiskBacking::kDisk; }

std::uint64_t DefaultDisk(const Machine& machine, DiskBacking backing) {
  constexpr std::uint64_t kMost = 64 * kGiB;
  constexpr std::uint64_t kLeast = 64 * kMiB;  // a full disk refuses by itself what is written
  const std::uint64_t half =
      backing == DiskBacking::kMemory ? machine.memory / 2 : machine.free_disk / 2;
  return std::clamp(half / kMiB * kMiB, kLeast, kMost);
}

std::uint64_t DefaultInodes(const Machine& machine, DiskBacking backing) {
  constexpr std::uint64_t kMost = 4'000'000;
  constexpr std::uint64_t kLeast = 4096;
  constexpr std::uint64_t kOfOne = 8192;  // bytes of RAM: as many as tmpfs gives by itself
  if (backing == DiskBacking::kMemory) return std::clamp(machine.memory / kOfOne, kLeast, kMost);
  if (backing == DiskBacking::kImage || machine.free_inodes == 0) return kMost;
  return std::clamp(machine.free_inodes / 2, kLeast, kMost);
}

std::uint64_t DefaultProcesses(const Machine& machine) {
  constexpr std::uint64_t kMost = 4096;
  constexpr std::uint64_t kLeast = 64;
  return std::clamp(machine.memory / kMiB, kLeast, kMost);
}

std::uint64_t DefaultMemory(const Machine& machine) {
  constexpr std::uint64_t kLeast = 256 * kMiB;
  return std::max(machine.memory / 4 * 3 / kMiB * kMiB, kLeast);
}

std::uint64_t DefaultOf(Kind kind, const Machine& machine, DiskBacking backing) {
  switch (kind) {
    case Kind::kTime:
    case Kind::kIdle:
    case Kind::kCpuTime:
    case Kind::kCpus:
    case Kind::kIo:
    case Kind::kNetOut:
      return kNoLimit;
    case Kind::kMemory:
      return DefaultMemory(machine);
    case Kind::kProcesses:
      return DefaultProcesses(machine);
    case Kind::kDisk:
      return DefaultDisk(machine, backing);
    case Kind::kInodes:
      return DefaultInodes(machine, backing);
    case Kind::kOpenFiles:
      return machine.open_files;
  }
  return kNoLimit;
}

/// How much, and who says so.
Limit Wanted(Kind kind, const policy::LimitValue& asked, const Machine& machine,
             DiskBacking backing) {
  Limit limit{.kind = kind, .from = asked.chosen ? asked.from : std::string(kByDefault)};
  limit.value = asked.chosen ? *asked.chosen : DefaultOf(kind, machine, backing);
  const auto bound = [&](std::uint64_t most, const std::string& from) {
    if (limit.value <= most) return;
    limit.value = most;
    limit.from = from;
  };
  if (asked.at_most) bound(*asked.at_most, asked.at_most_from);
  // Nothing in the run can get over what the launcher itself may not.
  if (kind == Kind::kOpenFiles) bound(machine.open_files, std::string(kByDefault));
  return limit;
}

Limit HeldBy(Means means, Limit limit) {
  limit.means = means;
  return limit;
}

Limit Sampled(std::uint32_t interval_ms, std::string overshoot, Limit limit) {
  limit.means = Means::kSampled;
  limit.interval_ms = interval_ms;
  limit.overshoot = std::move(overshoot);
  return limit;
}

std::string WhyNo(std::string_view controller, const host::CgroupFacts& cgroup) {
  if (cgroup.kind != host::CgroupKind::kNone) {
    return fmt::format(
        "nothing can hold that here: the cgroup that a run gets has no {} controller", controller);
  }
  return fmt::format("nothing can hold that here: {}",
                     cgroup.why_none.empty() ? "no cgroup can be made for a run" : cgroup.why_none);
}

/// What slows down has no form that is only looked at. Empty: it can be held.
std::string WhyNotHeld(Kind kind, const Machine& machine) {
  const host::CgroupFacts& cgroup = machine.cgroup;
  if (kind == Kind::kCpus) return cgroup.Has(host::Controller::kCpu) ? "" : WhyNo("cpu", cgroup);
  if (kind != Kind::kIo) return {};
  if (cgroup.io.empty()) {
    return WhyNo(cgroup.kind == host::CgroupKind::kV1 ? "blkio" : "io", cgroup);
  }
  return machine.disk.empty() ? "nothing can hold that here: " + machine.why_no_disk : "";
}

Result<Limit> HeldByCgroupAlone(Limit limit, const Machine& machine) {
  const std::string why = WhyNotHeld(limit.kind, machine);
  if (why.empty()) return HeldBy(Means::kCgroup, std::move(limit));
  const std::string what =
      fmt::format("{} {}: {}", limit.from, policy::TextOf(limit.kind, limit.value), why);
  if (limit.kind == Kind::kIo) {
    return Fail(Errc::kUnsupported, what,
                "start ambit as root, with the state directory (XDG_STATE_HOME) on a disk with "
                "ext4 or xfs, or leave io out");
  }
  return Fail(Errc::kUnsupported, what,
              "start ambit as root, or as a user whom systemd gives the cpu controller "
              "(Delegate=cpu of user@.service), or leave cpus out");
}

Limit HeldDisk(Limit limit, const Machine& machine, DiskBacking backing) {
  if (backing == DiskBacking::kImage) return HeldBy(Means::kSizedImage, std::move(limit));
  if (backing == DiskBacking::kMemory) return HeldBy(Means::kSizedMemory, std::move(limit));
  if (machine.project_quota) return HeldBy(Means::kProjectQuota, std::move(limit));
  const char* overshoot = limit.kind == Kind::kDisk
                              ? "what is written in 250 ms and while its files are counted"
                              : "what is created in 250 ms and while they are counted";
  return Sampled(kInterval, overshoot, std::move(limit));
}

/// What holds it on this machine.
Result<Limit> Held(Limit limit, const Machine& machine, DiskBacking backing) {
  const host::CgroupFacts& cgroup = machine.cgroup;
  switch (limit.kind) {
    case Kind::kTime:
    case Kind::kIdle:
      return HeldBy(Means::kClock, std::move(limit));
    case Kind::kCpuTime:
      if (CountsProcessorTime(cgroup)) return HeldBy(Means::kClock, std::move(limit));
      return Sampled(kInterval,
                     fmt::format("what {} compute in 250 ms",
                                 Count(static_cast<std::size_t>(machine.processors), "processor")),
                     std::move(limit));
    case Kind::kCpus:
    case Kind::kIo:
      return HeldByCgroupAlone(std::move(limit), machine);
    case Kind::kMemory:
      if (cgroup.Has(host::Controller::kMemory)) {
        return HeldBy(Means::kCgroup, std::move(limit));
      }
      return Sampled(kMemoryInterval, "what can be touched in 50 ms, about 100 MB",
                     std::move(limit));
    case Kind::kProcesses:
      return HeldBy(cgroup.Has(host::Controller::kPids) ? Means::kCgroup : Means::kResource,
                    std::move(limit));
    case Kind::kDisk:
    case Kind::kInodes:
      return HeldDisk(std::move(limit), machine, backing);
    case Kind::kOpenFiles:
      return HeldBy(Means::kResource, std::move(limit));
    case Kind::kNetOut:
      return HeldBy(Means::kEgress, std::move(limit));
  }
  return Fail(Errc::kInternal, "a limit of no kind");
}

Status CheckBacking(DiskBacking backing, bool started_by_root) {
  if (backing != DiskBacking::kImage || started_by_root) return {};
  return Fail(Errc::kInvalidArgument,
              "--disk-backing image: only root can mount the file system of an image",
              "start ambit as root, or use --disk-backing memory");
}

std::string WayToHard(Kind kind) {
  switch (kind) {
    case Kind::kDisk:
    case Kind::kInodes:
      return "use --disk-backing memory, or as root image, or as root a state directory "
             "(XDG_STATE_HOME) on ext4 or xfs with project quota (mount option prjquota)";
    case Kind::kMemory:
      return "start ambit as root, or as a user whom systemd gives the memory controller";
    case Kind::kCpuTime:
      return "run where cgroup v2 counts processor time, or limit time or cpus";
    default:
      return {};
  }
}

Status CheckHard(const std::vector<Kind>& required, const Limits& limits) {
  for (const Kind kind : required) {
    const Limit* limit = limits.Find(kind);
    const std::string_view name = policy::NameOf(kind);
    if (limit == nullptr) {
      std::string flag(name);
      std::ranges::replace(flag, '_', '-');
      return Fail(Errc::kInvalidArgument,
                  fmt::format("--require-hard {}: there is no such limit in this run", name),
                  fmt::format("set it with --{}", flag));
    }
    if (IsHard(limit->means)) continue;
    return Fail(Errc::kInvalidArgument,
                fmt::format("--require-hard {}: here it would only be looked at every {} ms", name,
                            limit->interval_ms),
                WayToHard(kind));
  }
  return {};
}

std::string_view CgroupName(host::CgroupKind kind) {
  switch (kind) {
    case host::CgroupKind::kV1:
      return "cgroup v1";
    case host::CgroupKind::kV2:
      return "cgroup v2";
    case host::CgroupKind::kSystemd:
      return "cgroup v2 of systemd";
    case host::CgroupKind::kNone:
      break;
  }
  return "cgroup";
}

std::string_view ForPeople(Means means, const host::CgroupFacts& cgroup) {
  switch (means) {
    case Means::kCgroup:
      return CgroupName(cgroup.kind);
    case Means::kResource:
      return "resource limit of the kernel";
    case Means::kSizedMemory:
      return "file system in memory of that size";
    case Means::kSizedImage:
      return "file system of that size";
    case Means::kProjectQuota:
      return "project quota";
    case Means::kClock:
      return "timer";
    case Means::kEgress:
      return "egress";
    case Means::kSampled:
      break;
  }
  return "?";
}

/// What is not told by the name of the limit. In v1 the kernel writes its page cache in nobody's
/// name.
std::string_view HeldPart(Kind kind, const host::CgroupFacts& cgroup) {
  if (kind != Kind::kIo) return {};
  return cgroup.kind == host::CgroupKind::kV1 ? ", reads and direct writes" : ", reads and writes";
}

std::string HowItHolds(const Limit& limit, const host::CgroupFacts& cgroup) {
  if (IsHard(limit.means)) {
    return fmt::format("hard: {}{}", ForPeople(limit.means, cgroup), HeldPart(limit.kind, cgroup));
  }
  return fmt::format("sampled every {} ms, more by {}", limit.interval_ms, limit.overshoot);
}

}  // namespace

bool IsHard(Means means) { return means != Means::kSampled; }

std::string_view NameOf(Means means) {
  switch (means) {
    case Means::kCgroup:
      return "cgroup";
    case Means::kResource:
      return "rlimit";
    case Means::kSizedMemory:
      return "sized_memory";
    case Means::kSizedImage:
      return "sized_image";
    case Means::kProjectQuota:
      return "project_quota";
    case Means::kClock:
      return "timer";
    case Means::kEgress:
      return "egress";
    case Means::kSampled:
      return "sampled";
  }
  return "?";
}

const Limit* Limits::Find(policy::Limit kind) const {
  const auto found = std::ranges::find(all, kind, &Limit::kind);
  return found != all.end() ? &*found : nullptr;
}

std::uint64_t Limits::ValueOf(policy::Limit kind) const {
  const Limit* limit = Find(kind);
  return limit != nullptr ? limit->value : kNoLimit;
}

Result<Limits> DecideLimits(const policy::Limits& asked, const Machine& machine,
                            bool started_by_root) {
  AMBIT_CHECK(CheckBacking(asked.disk_backing, started_by_root));
  Limits limits{.all = {},
                .cgroup = machine.cgroup,
                .disk_backing = asked.disk_backing,
                .io_disk = machine.disk};
  for (const Kind kind : kAll) {
    Limit limit = Wanted(kind, asked.Of(kind), machine, asked.disk_backing);
    if (limit.value == kNoLimit) continue;
    AMBIT_TRY(limit, Held(std::move(limit), machine, asked.disk_backing));
    limits.all.push_back(std::move(limit));
  }
  if (IsSized(asked.disk_backing) && limits.Find(Kind::kDisk) == nullptr) {
    return Fail(Errc::kInvalidArgument,
                fmt::format("--disk-backing {}: has a fixed size, but disk is not limited",
                            policy::NameOf(asked.disk_backing)),
                "set it with --disk");
  }
  AMBIT_CHECK(CheckHard(asked.require_hard, limits));
  return limits;
}

std::uint64_t WantedNetOut(const policy::Limits& asked) {
  return Wanted(Kind::kNetOut, asked.Of(Kind::kNetOut), {}, asked.disk_backing).value;
}

std::string Describe(const Limit& limit, const host::CgroupFacts& cgroup) {
  return fmt::format("{} {} {} ({})", policy::NameOf(limit.kind),
                     policy::TextOf(limit.kind, limit.value), HowItHolds(limit, cgroup),
                     limit.from);
}

std::string DescribeHold(Kind kind, const Machine& machine) {
  const Result<Limit> limit = Held({.kind = kind}, machine, DiskBacking::kDisk);
  if (!limit) return WhyNotHeld(kind, machine);
  return HowItHolds(*limit, machine.cgroup);
}

}  // namespace ambit::plan
