#pragma once
// The name servers that /etc/resolv.conf of the host names. Sans I/O: the supervisor reads the
// file. Who calls: supervise/host_names. Source: resolv.conf(5).
#include <string_view>
#include <vector>

#include "policy/net_rules.h"

namespace ambit::egress {

/// In their order, at most eight; a file that names none means the one at 127.0.0.1. Those of one
/// link ("fe80::1%eth0") are passed over.
std::vector<policy::AddressBytes> NameServersIn(std::string_view resolv_conf);

}  // namespace ambit::egress
