#pragma once
// Whether an error says that a file system, or the share of it that somebody may have, is full:
// what goes when somebody makes room. Who calls: backing, run_removal, supervise.
#include <errno.h>

#include "base/error.h"

namespace ambit::workspace {

inline bool IsDiskFull(const Error& error) {
  return error.sys_errno == ENOSPC || error.sys_errno == EDQUOT;
}

}  // namespace ambit::workspace
