#pragma once
#include <span>
#include <string>

#include "policy/policy.h"

namespace ambit::cli {

/// The person's shell ($SHELL, else the one of /etc/passwd) when a run can start it: it lies in a
/// system directory or in one of `shown`. Else /bin/bash, else /bin/sh.
std::string ShellInside(std::span<const policy::NamedPath> shown);

}  // namespace ambit::cli
