#include "egress/hosts_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace ambit::egress {
namespace {

constexpr std::string_view kBlank = " \t\r";
constexpr std::size_t kMostNames = 2048;
constexpr std::size_t kMostAddresses = 16;  // of a name
constexpr std::size_t kMostText = 120'000;

std::string_view NextWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

HostsFile ParseHostsFile(std::string_view text,
                         const std::function<bool(const HostName&)>& wanted) {
  HostsFile hosts;
  while (!text.empty() && hosts.size() < kMostNames) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const auto address = policy::AddressIn(NextWord(line));
    if (!address) continue;
    for (auto word = NextWord(line); !word.empty() && hosts.size() < kMostNames;
         word = NextWord(line)) {
      auto name = HostName::Parse(word);
      if (!name || !wanted(*name)) continue;
      auto& addresses = hosts[*std::move(name)];
      if (addresses.size() < kMostAddresses) addresses.push_back(*address);
    }
  }
  return hosts;
}

std::string TextOf(const HostsFile& hosts) {
  std::string text;
  for (const auto& [name, addresses] : hosts) {
    for (const policy::AddressBytes& address : addresses) {
      const std::string line = fmt::format("{} {}\n", policy::TextOf(address), name.text());
      if (text.size() + line.size() > kMostText) return text;
      text += line;
    }
  }
  return text;
}

}  // namespace ambit::egress
