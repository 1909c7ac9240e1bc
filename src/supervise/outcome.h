#pragma once
// How a run ended: exactly one cause, the first one wins. Exit codes are hints for shells; the
// cause decides (decisions: "Outcome and errors").
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "host/primitives.h"

namespace ambit::supervise {

enum class Cause : std::uint8_t {
  kExited,         // the agent ended by itself
  kSignaled,       // the agent was ended by a signal
  kNotFound,       // no such command inside
  kNotExecutable,  // found, may not be executed
  kSetupFailed,    // a wall could not be built; the agent never started
  kRunFailed,      // init, egress or ambit itself failed while the agent ran
  kTimeLimit,      // the run was ended at a limit of its own (limit_outcome.h)
  kIdleLimit,
  kCpuTimeLimit,
  kMemoryLimit,
  kDiskLimit,  // bytes, or files and directories
  kNetOutLimit,
};

struct Outcome {
  Cause cause = Cause::kRunFailed;
  int exit_code = 125;
  std::string detail;  // for people; empty for an ordinary exit
  std::string remedy;
  std::optional<host::Primitive> missing;  // kSetupFailed: what could not be done
  std::string reason = {};                 // kSetupFailed: `detail` without primitive and guarantee
  int sys_errno = 0;  // kSetupFailed, kNotFound, kNotExecutable: of the call that was refused
};

std::string_view NameOf(Cause cause);
/// Whether ambit ended the run at one of its limits.
bool IsOfLimit(Cause cause);

/// A run that stops before the agent starts.
Outcome SetupFailed(host::Primitive primitive, const Error& error);

/// A run of which something can no longer be put on record: it must not go on.
Outcome CannotRecord(const Error& error);

/// From a wait status as in waitpid(2).
Outcome OutcomeOfWaitStatus(int status);

}  // namespace ambit::supervise
