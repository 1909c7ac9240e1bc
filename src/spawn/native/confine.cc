#include "spawn/native/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>

#include "plan/filter.h"
#include "plan/set_id_filter.h"
#include "spawn/native/walls.h"
#include "sys/file.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"

namespace ambit::spawn::native {
namespace {

using host::Primitive;

/// A core dump of a program inside would be handed to the host's core_pattern program, which runs
/// as root. The value 1 (not 0) is what the kernel checks for "never pipe" (fs/coredump.c).
Status TurnOffCoreDumps() {
  const rlimit none{.rlim_cur = 1, .rlim_max = 1};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return FailErrno(errno, "setrlimit(RLIMIT_CORE)");
  return {};
}

Status LeaveWhatWasInherited() {
  AMBIT_CHECK(sys::LeaveSessionKeyring());
  AMBIT_CHECK(TurnOffCoreDumps());
  return sys::DropAllPrivileges();
}

Status RestrictByLandlock(const plan::LaunchPlan& plan) {
  AMBIT_TRY(const int abi, sys::LandlockAbi());
  AMBIT_TRY(auto ruleset, sys::LandlockRuleset::Create(abi, /*scope_signals=*/true));
  for (const plan::LandlockRule& rule : plan.landlock) {
    AMBIT_TRY(const Fd path, sys::OpenAt(AT_FDCWD, rule.inside.c_str(), O_PATH));
    AMBIT_CHECK(ruleset.Allow(path.get(), rule.access));
  }
  return ruleset.Restrict();
}

Status RefuseSetIdBits(const plan::LaunchPlan& plan) {
  if (std::ranges::none_of(plan.mounts, plan::Outlives)) return {};
  AMBIT_TRY(const auto program, plan::SetIdFilter());
  return sys::InstallFilter(program);
}

StageResult<void> Stage(Primitive primitive, const Status& status) {
  if (status) return {};
  return std::unexpected(StageError{.primitive = primitive, .error = status.error()});
}

}  // namespace

StageResult<void> GiveUpPrivileges() {
  return Stage(Primitive::kPrivileges, LeaveWhatWasInherited());
}

StageResult<void> RestateFileSystem(const plan::LaunchPlan& plan) {
  if (!Stands(Wall::kLandlock)) return {};
  return Stage(Primitive::kLandlock, RestrictByLandlock(plan));
}

StageResult<Fd> CloseSystemCalls(const plan::LaunchPlan& plan) {
  if (!Stands(Wall::kSeccomp)) return Fd();
  if (auto done = Stage(Primitive::kSeccomp, RefuseSetIdBits(plan)); !done) {
    return std::unexpected(done.error());
  }
  Result<Fd> listener;
  const plan::Told told = plan::ToldOf(plan.identity.started_by_root, plan.audit_files);
  if (told != plan::Told::kNothing) {
    listener = sys::InstallNotifyingFilter(plan::AgentFilter(told));
    if (listener) return *std::move(listener);
  }
  if (auto done = Stage(Primitive::kSeccomp, sys::InstallFilter(plan::AgentFilter())); !done) {
    return std::unexpected(done.error());
  }
  if (listener) return Fd();
  // The filter goes in, so it is the listener that is missing.
  return std::unexpected(
      StageError{.primitive = Primitive::kNotification, .error = listener.error()});
}

StageResult<Fd> Confine(const plan::LaunchPlan& plan) {
  if (auto done = GiveUpPrivileges(); !done) return std::unexpected(done.error());
  if (auto done = RestateFileSystem(plan); !done) return std::unexpected(done.error());
  // Init is a fork of ambit: nobody inside may read its memory or open its descriptors, and its
  // death signal was cleared by the change of credentials.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (Stands(Wall::kLifeLine)) {
    if (auto done = Stage(Primitive::kLifeLine, sys::DieWithParent()); !done) {
      return std::unexpected(done.error());
    }
  }
  return CloseSystemCalls(plan);
}

}  // namespace ambit::spawn::native
