#pragma once
// The kernel facilities a run stands on, each with the guarantee it carries and what to do when it
// is missing. One table for the run (which stops before the agent starts) and for `ambit doctor`.
#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"

namespace ambit::host {

enum class Primitive : std::uint8_t {
  kUserNamespace,
  kNamespaces,
  kRunUser,
  kIdmappedMounts,
  kMountApi,
  kOverlay,
  kProc,
  kDevpts,
  kNetwork,
  kPrivileges,
  kLandlock,
  kSeccomp,
  kNotification,
  kLifeLine,
  kEgress,
  kCgroup,
  kStateDirectory,
  kHostPath,
  kInit,
};

struct PrimitiveInfo {
  Primitive id;
  std::string_view name;
  std::string_view guarantee;  // what the user loses without it
  std::string_view remedy;
};

std::span<const PrimitiveInfo> AllPrimitives();
const PrimitiveInfo& InfoOf(Primitive id);

/// `error` told to a person: the primitive that failed, why, the guarantee that would be lost and
/// the way out. A remedy that is already there is kept; a limit that was reached (EMFILE, ENOSPC,
/// ...) has its own, whatever stood on it.
Error Missing(Primitive id, Error error);

/// The way out of a limit that was reached; empty for every other errno.
std::string_view RemedyForLimit(int sys_errno);

}  // namespace ambit::host
