#pragma once
// The names that /etc/hosts of the host knows. Sans I/O: the supervisor reads the file, egress has
// no files. Who calls: supervise/host_names, egress/resolver. Source: hosts(5).
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_name.h"
#include "policy/net_rules.h"

namespace ambit::egress {

using HostsFile = std::map<HostName, std::vector<policy::AddressBytes>>;

/// The names that are `wanted`, at most 2048. Lines that are not in order are passed over, as libc
/// does.
HostsFile ParseHostsFile(std::string_view text, const std::function<bool(const HostName&)>& wanted);

/// One line for each address of each name, as ParseHostsFile reads it; at most 120,000 bytes.
std::string TextOf(const HostsFile& hosts);

}  // namespace ambit::egress
