#include "egress/name_table.h"

#include <sys/random.h>

#include <algorithm>
#include <span>

namespace ambit::egress {
namespace {

constexpr std::array<std::uint8_t, 2> kV4Network = {198, 18};
constexpr std::uint32_t kMostNames = 65'535;

}  // namespace

NameTable::Network NameTable::RandomNetwork() {
  Network network{};
  // Eight bytes come whole, and from the first moment of a process on (getrandom(2)).
  (void)!::getrandom(network.data(), network.size(), 0);
  network[0] = 0xfd;
  return network;
}

std::optional<NameTable::Addresses> NameTable::AddressesOf(const HostName& name,
                                                           const policy::NetRule* wildcard) {
  if (const auto known = numbers_.find(name); known != numbers_.end()) {
    return NumberToAddresses(known->second);
  }
  if (names_.size() >= kMostNames) return std::nullopt;
  if (wildcard != nullptr) {
    if (names_.size() >= kMostNames - policy::kMostNetRules) return std::nullopt;
    std::size_t& below = below_[wildcard->name];
    if (below >= kMostBelow) return std::nullopt;
    ++below;
  }
  names_.push_back(name);
  const auto number = static_cast<std::uint32_t>(names_.size());
  numbers_.emplace(name, number);
  return NumberToAddresses(number);
}

const HostName* NameTable::NameOf(const Address& address) const {
  const std::size_t at = address.family == 4 ? 2 : 14;
  const std::uint32_t number =
      static_cast<std::uint32_t>(address.bytes.at(at)) << 8 | address.bytes.at(at + 1);
  if (number == 0 || number > names_.size()) return nullptr;
  const Addresses own = NumberToAddresses(number);
  const bool same = address.family == 4
                        ? std::ranges::equal(own.v4, std::span(address.bytes).first(own.v4.size()))
                        : address.family == 6 && own.v6 == address.bytes;
  return same ? &names_.at(number - 1) : nullptr;
}

NameTable::Addresses NameTable::NumberToAddresses(std::uint32_t number) const {
  const auto high = static_cast<std::uint8_t>(number >> 8);
  const auto low = static_cast<std::uint8_t>(number & 0xFF);
  Addresses addresses{.v4 = {kV4Network[0], kV4Network[1], high, low}, .v6 = {}};
  std::ranges::copy(network_, addresses.v6.begin());
  addresses.v6[14] = high;
  addresses.v6[15] = low;
  return addresses;
}

}  // namespace ambit::egress
