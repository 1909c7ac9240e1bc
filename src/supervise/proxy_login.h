#pragma once
// The login in the URL of the host's proxy ("http://USER:PASSWORD@HOST:PORT"). It is for egress
// alone, so it never lies where a fork of this process could find it: it goes from the environment
// into a page of its own, and the variable keeps "http://@HOST:PORT". Who calls:
// launcher_environment, before anything is copied; the supervisor sends it on.
#include <memory>

#include "base/error.h"
#include "sys/private_page.h"

namespace ambit::supervise {

/// What a proxy is told of who asks, "Basic dXNlcjpwYXNz"; empty: nothing.
using ProxyLogin = std::shared_ptr<const sys::PrivatePage>;

/// Overwrites the logins of all proxies in the environment of this process and returns that of the
/// one that counts (plan/proxy.h). kInvalidArgument: it is too long; kIo: there is no such page.
/// Nothing is left in the environment in any case.
Result<ProxyLogin> TakeProxyLogin();

}  // namespace ambit::supervise
