#pragma once
// The names that /etc/hosts of the host knows. Sans I/O: the supervisor reads the file, egress has
// no files. Who calls: egress/resolver. Source: hosts(5).
#include <map>
#include <string_view>
#include <vector>

#include "base/host_name.h"
#include "policy/net_rules.h"

namespace ambit::egress {

using HostsFile = std::map<HostName, std::vector<policy::AddressBytes>>;

/// Lines that are not in order are passed over, as libc does; at most `most` names.
HostsFile ParseHostsFile(std::string_view text, std::size_t most = 4096);

}  // namespace ambit::egress
