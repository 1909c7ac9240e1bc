#include "supervise/cgroup.h"

#include <fmt/format.h>

#include <algorithm>

#include "supervise/cgroup_limits.h"

namespace ambit::supervise {
namespace {

constexpr std::uint64_t kPeriodUsec = 100'000;
constexpr std::uint64_t kLongestPeriodUsec = 1'000'000;
constexpr std::uint64_t kLeastQuotaUsec = 1'000;

Status NoSuchController(host::Controller controller) {
  return Fail(Errc::kUnsupported,
              fmt::format("limit '{}': a run's cgroup has no such controller here",
                          host::NameOf(controller)));
}

Status Require(const host::CgroupFacts& facts, host::Controller controller) {
  return facts.Has(controller) ? Status() : NoSuchController(controller);
}

}  // namespace

bool IsHeldByCgroup(const plan::Limits& limits) {
  return std::ranges::any_of(
      limits.all, [](const plan::Limit& limit) { return limit.means == plan::Means::kCgroup; });
}

Result<CgroupLimits> LimitsHeldByCgroup(const plan::Limits& limits) {
  CgroupLimits held;
  for (const plan::Limit& limit : limits.all) {
    if (limit.means != plan::Means::kCgroup) continue;
    if (limit.kind == policy::Limit::kMemory) {
      AMBIT_CHECK(Require(limits.cgroup, host::Controller::kMemory));
      held.memory = limit.value;
    } else if (limit.kind == policy::Limit::kProcesses) {
      AMBIT_CHECK(Require(limits.cgroup, host::Controller::kPids));
      held.processes = limit.value;
    } else if (limit.kind == policy::Limit::kCpus) {
      AMBIT_CHECK(Require(limits.cgroup, host::Controller::kCpu));
      held.cpus = limit.value;
    } else if (limit.kind == policy::Limit::kIo) {
      if (limits.cgroup.io.empty()) AMBIT_CHECK(NoSuchController(host::Controller::kIo));
      held.io = IoLimit{.disk = limits.io_disk, .bytes_per_second = limit.value};
    }
  }
  return held;
}

CpuQuota QuotaOf(std::uint64_t thousandths) {
  const auto quota_in = [&](std::uint64_t period) { return thousandths * (period / 1000); };
  if (quota_in(kPeriodUsec) >= kLeastQuotaUsec) {
    return {.quota = quota_in(kPeriodUsec), .period = kPeriodUsec};
  }
  return {.quota = std::max(quota_in(kLongestPeriodUsec), kLeastQuotaUsec),
          .period = kLongestPeriodUsec};
}

Result<std::unique_ptr<RunCgroup>> RunCgroup::Make(const plan::Limits& limits,
                                                   std::string_view run_id) {
  AMBIT_TRY(const CgroupLimits held, LimitsHeldByCgroup(limits));
  const std::string name = fmt::format("ambit-{}", run_id);
  switch (limits.cgroup.kind) {
    case host::CgroupKind::kV1:
      return MakeV1(limits.cgroup, held, name);
    case host::CgroupKind::kV2:
      return MakeV2(limits.cgroup, held, name);
    case host::CgroupKind::kSystemd:
      return MakeScope(limits.cgroup, held, name);
    case host::CgroupKind::kNone:
      break;
  }
  return Fail(Errc::kUnsupported, "make a cgroup for the run: " + limits.cgroup.why_none);
}

std::unique_ptr<RunCgroup> RunCgroup::MakeAhead(const host::CgroupFacts& facts,
                                                std::string_view run_id) {
  if (facts.kind != host::CgroupKind::kV2) return nullptr;
  auto made = MakeV2(facts, {}, fmt::format("ambit-{}", run_id));
  return made ? *std::move(made) : nullptr;
}

Status RunCgroup::SetLimits(const plan::Limits& limits) {
  AMBIT_TRY(const CgroupLimits held, LimitsHeldByCgroup(limits));
  return Hold(held);
}

}  // namespace ambit::supervise
