#include "workspace/project_quota.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/fd.h"
#include "sys/quota.h"
#include "workspace/backing.h"
#include "workspace/change_dir.h"

namespace ambit::workspace {
namespace {

// Numbers of projects that people write into /etc/projid are small.
constexpr std::uint32_t kFirst = 0x61000000;
constexpr std::uint32_t kMask = 0xfffff;
constexpr int kAttempts = 16;

bool IsOurs(std::uint32_t project) { return (project & ~kMask) == kFirst; }

Result<std::uint32_t> RandomProject() {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    return FailErrno(errno, "getrandom");
  }
  return kFirst | (number & kMask);
}

bool IsHeld(const plan::Limits& limits) {
  return std::ranges::any_of(limits.all, [](const plan::Limit& limit) {
    return limit.means == plan::Means::kProjectQuota;
  });
}

sys::ProjectLimits LimitsOf(const plan::Limits& limits) {
  sys::ProjectLimits held;
  const std::uint64_t bytes = limits.ValueOf(policy::Limit::kDisk);
  const std::uint64_t inodes = limits.ValueOf(policy::Limit::kInodes);
  if (bytes != policy::kNoLimit) held.bytes = bytes;
  if (inodes != policy::kNoLimit) held.inodes = inodes + kOwnInodes;
  return held;
}

/// Makes `dir` the first and only inode of a project: two runs that take one number at once both
/// see two inodes, and both take another.
Result<std::uint32_t> TakeProject(int dir) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    AMBIT_TRY(const std::uint32_t project, RandomProject());
    AMBIT_CHECK(sys::SetProject(dir, project));
    const Result<sys::ProjectQuota> quota = sys::ReadProjectQuota(dir, project);
    if (quota && quota->inodes == 1 && quota->limits == sys::ProjectLimits{}) return project;
    AMBIT_CHECK(sys::SetProject(dir, sys::kNoProject));
    if (!quota) return std::unexpected(quota.error());
  }
  return Fail(Errc::kLimit, fmt::format("no project from {} on is free", kFirst));
}

Status Hold(int run_dir, const sys::ProjectLimits& limits) {
  AMBIT_TRY(const Fd upper, OpenDirectory(run_dir, "upper"));
  AMBIT_TRY(const std::uint32_t project, TakeProject(upper.get()));
  for (const char* name : {"work", "home"}) {
    AMBIT_TRY(const Fd dir, OpenDirectory(run_dir, name));
    AMBIT_CHECK(sys::SetProject(dir.get(), project));
  }
  return sys::LimitProject(upper.get(), project, limits);
}

}  // namespace

Status HoldByProjectQuota(int run_dir, const plan::LaunchPlan& plan) {
  if (!IsHeld(plan.limits)) return {};
  Status held = Hold(run_dir, LimitsOf(plan.limits));
  if (held) return held;
  Error error = std::move(held).error();
  error.what = "hold the limit on the disk by project quota: " + error.what;
  error.remedy = "use '--disk-backing image', or a state directory (XDG_STATE_HOME) elsewhere";
  return std::unexpected(std::move(error));
}

void LetGoOfProjectQuota(int run_dir) {
  const Result<Fd> upper = OpenDirectory(run_dir, "upper");
  if (!upper) return;
  const Result<std::uint32_t> project = sys::ProjectOf(upper->get());
  if (project && IsOurs(*project)) (void)sys::LimitProject(upper->get(), *project, {});
}

}  // namespace ambit::workspace
