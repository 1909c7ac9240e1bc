#include "egress/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd.h"
#include "plan/filter.h"
#include "sys/landlock.h"
#include "sys/process.h"
#include "sys/seccomp.h"

namespace ambit::egress {
namespace {

/// Handlers of the supervisor would run with its state; a closed peer must not kill the relay.
void ForgetSignals() {
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action{};
    action.sa_handler = number == SIGPIPE ? SIG_IGN : SIG_DFL;
    (void)::sigaction(number, &action, nullptr);  // EINVAL for SIGKILL, SIGSTOP and libc's own
  }
  sigset_t none;
  ::sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Before the change of identity, which takes the capability that this needs.
Status EmptyTheBoundingSet() {
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break;  // beyond the kernel's last one
    return FailErrno(errno, "prctl(PR_CAPBSET_DROP)");
  }
  return {};
}

Status PointStandardStreamsNowhere() {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return FailErrno(errno, "open '/dev/null'");
  for (int stream = 0; stream <= 2; ++stream) {
    if (::dup2(null.get(), stream) < 0) return FailErrno(errno, "dup2 over a standard stream");
  }
  return {};
}

Status RaiseOpenFilesToTheHardLimit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return FailErrno(errno, "getrlimit(NOFILE)");
  constexpr rlim_t kEnough = 16'384;
  files.rlim_cur = std::max(files.rlim_cur, std::min(files.rlim_max, kEnough));
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) return FailErrno(errno, "setrlimit(NOFILE)");
  return {};
}

}  // namespace

Status LeaveTheSupervisor(std::span<const int> keep) {
  if (std::ranges::any_of(keep, [](int fd) { return fd < 3; })) {
    return Fail(Errc::kInvalidArgument, "a standard stream cannot be kept by egress");
  }
  ForgetSignals();
  (void)::setsid();  // the terminal's signals are not for the relay
  AMBIT_CHECK(sys::CloseAllBut(keep));
  AMBIT_CHECK(PointStandardStreamsNowhere());
  sys::ScrubEnvironment();
  return RaiseOpenFilesToTheHardLimit();
}

Status BecomeEgress(const std::optional<HostIdentity>& identity) {
  if (identity) {
    if (identity->uid == 0 || identity->gid == 0) {
      return Fail(Errc::kInvalidArgument, "egress must not be root");
    }
    AMBIT_CHECK(EmptyTheBoundingSet());
    AMBIT_CHECK(sys::BecomeUser(identity->uid, identity->gid));
  } else if (::geteuid() == 0 || ::getuid() == 0) {
    return Fail(Errc::kInvalidArgument, "egress started by root needs an identity of its own");
  }
  return {};
}

Status CloseTheFileSystem() {
  AMBIT_TRY(const int abi, sys::LandlockAbi());
  AMBIT_TRY(auto ruleset, sys::LandlockRuleset::Create(abi, /*scope_signals=*/false));
  return ruleset.Restrict();
}

namespace {

Status GiveUpPrivileges() {
  AMBIT_CHECK(sys::LeaveSessionKeyring());
  AMBIT_CHECK(sys::DropAllPrivileges());
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return FailErrno(errno, "prctl(PR_SET_DUMPABLE)");
  const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return FailErrno(errno, "setrlimit(CORE)");
  // The last change of ids and capabilities cleared it.
  return sys::DieWithParent();
}

}  // namespace

std::expected<void, WallFailure> RaiseWalls() {
  const auto fail = [](Stage stage, Status& status) {
    return std::unexpected(WallFailure{.stage = stage, .error = std::move(status).error()});
  };
  if (Status given_up = GiveUpPrivileges(); !given_up) return fail(Stage::kPrivileges, given_up);
  if (Status closed = CloseTheFileSystem(); !closed) return fail(Stage::kLandlock, closed);
  if (Status filtered = sys::InstallFilter(plan::EgressFilter()); !filtered) {
    return fail(Stage::kSeccomp, filtered);
  }
  return {};
}

}  // namespace ambit::egress
