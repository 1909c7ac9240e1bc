#include "egress/hosts_file.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <string>

namespace ambit::egress {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view NextWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

std::optional<policy::AddressBytes> AddressOf(std::string_view word) {
  policy::AddressBytes address{};
  const std::string text(word);
  if (::inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (::inet_pton(AF_INET, text.c_str(), address.data() + 12) == 1) return address;
  return std::nullopt;
}

}  // namespace

HostsFile ParseHostsFile(std::string_view text, std::size_t most) {
  HostsFile hosts;
  while (!text.empty() && hosts.size() < most) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const auto address = AddressOf(NextWord(line));
    if (!address) continue;
    for (auto word = NextWord(line); !word.empty() && hosts.size() < most; word = NextWord(line)) {
      if (auto name = HostName::Parse(word)) hosts[*std::move(name)].push_back(*address);
    }
  }
  return hosts;
}

}  // namespace ambit::egress
