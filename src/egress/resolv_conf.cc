#include "egress/resolv_conf.h"

#include <algorithm>

namespace ambit::egress {

std::vector<policy::AddressBytes> NameServersIn(std::string_view resolv_conf) {
  constexpr std::string_view kKeyword = "nameserver";
  constexpr std::string_view kBlank = " \t\r";
  constexpr std::size_t kMost = 8;
  std::vector<policy::AddressBytes> servers;
  while (!resolv_conf.empty() && servers.size() < kMost) {
    std::string_view line = resolv_conf.substr(0, resolv_conf.find('\n'));
    resolv_conf.remove_prefix(std::min(line.size() + 1, resolv_conf.size()));
    if (!line.starts_with(kKeyword)) continue;
    line.remove_prefix(kKeyword.size());
    const std::size_t start = line.find_first_not_of(kBlank);
    if (start == 0 || start == std::string_view::npos) continue;
    line.remove_prefix(start);
    if (const auto address = policy::AddressIn(line.substr(0, line.find_first_of(kBlank)))) {
      servers.push_back(*address);
    }
  }
  if (servers.empty()) servers.push_back(*policy::AddressIn("127.0.0.1"));
  return servers;
}

}  // namespace ambit::egress
