#pragma once
// The HTTP proxy through which the host reaches the world, as the environment that ambit was
// started in names it; a project's files have no say in it. What it does not except goes by CONNECT
// through it: HTTPS_PROXY, else ALL_PROXY, else HTTP_PROXY, each in small letters first; the
// exceptions are those of NO_PROXY, as curl and most others read them: names with all below them,
// addresses and ranges, also as 10.*, 169.254/16 and 127.0.0.1/8, and <local>. A name that no host
// can have ("_x") is passed over.
//
// Its login is not here, because plans are on record and go inside: supervise/launcher_environment
// takes it out of the variable and leaves "http://@HOST:PORT". Who calls: plan (ProxyOf), egress
// (GoesByProxy), doctor (DescribeProxy). Pure.
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/net_rules.h"

namespace ambit::plan {

struct HttpProxy {
  std::string host;  // a name in the form of HostName, or an address
  std::uint16_t port = 0;
  bool with_login = false;
  std::vector<policy::NetRule> direct;  // NO_PROXY; a rule without a port is of all ports
  bool direct_without_dot = false;      // names without one: "<local>"
  bool operator==(const HttpProxy&) const = default;
};

/// The variables that name a proxy, the strongest first, and those with the exceptions.
inline constexpr std::string_view kProxyVariables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy",
                                                       "ALL_PROXY",   "http_proxy",  "HTTP_PROXY"};
inline constexpr std::string_view kNoProxyVariables[] = {"no_proxy", "NO_PROXY"};

/// Nothing: none is set, or NO_PROXY excepts everything. kUnsupported: one that is not spoken to
/// (https://, socks5://); kInvalidArgument: no URL of a proxy, or an exception nobody could read. A
/// run must not go another way than its host in silence.
Result<std::optional<HttpProxy>> ProxyOf(const std::map<std::string, std::string>& environment);

/// Whether a connection to the name, or without one to the address, goes through it.
bool GoesByProxy(const HttpProxy& proxy, const HostName* name, const policy::AddressBytes& address,
                 std::uint16_t port);

/// For people: which proxy runs that reach names go through, by which variable, and what goes
/// without it; or that there is none, or one that stops them. Never a login.
std::string DescribeProxy(const std::map<std::string, std::string>& environment);

/// "proxy.corp.example:3128".
std::string TextOf(const HttpProxy& proxy);

}  // namespace ambit::plan
