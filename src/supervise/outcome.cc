#include "supervise/outcome.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include "workspace/disk_full.h"

namespace ambit::supervise {

std::string_view NameOf(Cause cause) {
  switch (cause) {
    case Cause::kExited:
      return "exited";
    case Cause::kSignaled:
      return "signaled";
    case Cause::kNotFound:
      return "not-found";
    case Cause::kNotExecutable:
      return "not-executable";
    case Cause::kSetupFailed:
      return "setup-failed";
    case Cause::kRunFailed:
      return "run-failed";
    case Cause::kTimeLimit:
      return "time-limit";
    case Cause::kIdleLimit:
      return "idle-limit";
    case Cause::kCpuTimeLimit:
      return "cpu-time-limit";
    case Cause::kMemoryLimit:
      return "memory-limit";
    case Cause::kDiskLimit:
      return "disk-limit";
    case Cause::kNetOutLimit:
      return "net-out-limit";
  }
  return "run-failed";
}

bool IsOfLimit(Cause cause) {
  return cause == Cause::kTimeLimit || cause == Cause::kIdleLimit ||
         cause == Cause::kCpuTimeLimit || cause == Cause::kMemoryLimit ||
         cause == Cause::kDiskLimit;
}

Outcome SetupFailed(host::Primitive primitive, const Error& error) {
  Error told = host::Missing(primitive, error);
  return {.cause = Cause::kSetupFailed,
          .exit_code = 125,
          .detail = std::move(told.what),
          .remedy = std::move(told.remedy),
          .missing = primitive,
          .reason = error.what,
          .sys_errno = error.sys_errno};
}

Outcome CannotRecord(const Error& error) {
  return {.cause = Cause::kRunFailed,
          .exit_code = 125,
          .detail = "the record of the run cannot be written: " + error.what,
          .remedy = workspace::IsDiskFull(error)
                        ? "what was done until then is kept; free space in the file system of the "
                          "state directory, as 'ambit discard' and 'ambit prune' do"
                        : error.remedy,
          .sys_errno = error.sys_errno};
}

Outcome OutcomeOfWaitStatus(int status) {
  if (WIFEXITED(status)) {
    return {.cause = Cause::kExited, .exit_code = WEXITSTATUS(status), .detail = {}, .remedy = {}};
  }
  const int signal = WTERMSIG(status);
  return {.cause = Cause::kSignaled,
          .exit_code = 128 + signal,
          .detail = fmt::format("ended by signal {}", signal),
          .remedy = {}};
}

}  // namespace ambit::supervise
