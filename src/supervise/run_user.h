#pragma once
#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace ambit::supervise {

/// Two host uids that belong to nobody else while `lock` is held by any process of the run: one
/// for the agent, one for the relay.
struct RunUser {
  uid_t agent = 0;
  uid_t egress = 0;
  Fd lock;
};

/// Takes a free pair (root only). Pairs start above the ranges of distributions' users, subuids
/// and container managers (systemd: containers end at 1879048191). Errors: kLimit when all are
/// taken; kDenied or kIo when the lock directory /run/ambit cannot be used.
Result<RunUser> TakeRunUser();

}  // namespace ambit::supervise
