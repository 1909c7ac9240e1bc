#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::supervise {

/// Host uids (and gids of the same numbers) that belong to nobody else while `lock` is held by any
/// process of the run.
struct RunUser {
  uid_t agent = 0;
  uid_t egress = 0;
  uid_t others = 0;  // first of plan::kOtherIds ids for files of other owners
  Fd lock;
};

/// Takes a free range (root only). Ranges start above the ranges of distributions' users, subuids
/// and container managers (systemd: containers end at 1879048191). Errors: kLimit when all are
/// taken; kDenied or kIo when the lock directory /run/ambit cannot be used.
Result<RunUser> TakeRunUser();

}  // namespace ambit::supervise
