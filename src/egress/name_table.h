#pragma once
// Which name an address of the run stands for. Inside, a name has an address of its own for as long
// as the run goes on: one of v4 (198.18.0.0/16) and one of v6 (a network that is random in each
// run). They are routable nowhere; whoever connects to one means the name.
//
// A name keeps its addresses, and an address its name, so an answer that a program has kept is
// never wrong. There are 65,535 names; then no new one gets an address. So that nobody can use them
// up by asking, a wildcard has kMostBelow of them, and as many as there can be rules are kept for
// names that a rule names.
//
// Who calls: egress/responder (AddressesOf), egress/relay (NameOf). One thread.
// Source of the ranges: RFC 2544 and 6890 (benchmarking), 4193 (unique local).
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/host_name.h"
#include "egress/address.h"
#include "policy/net_rules.h"

namespace ambit::egress {

class NameTable {
 public:
  using Network = std::array<std::uint8_t, 8>;  // the first half of the v6 addresses
  /// Random, below fd00::/8.
  static Network RandomNetwork();

  explicit NameTable(Network network) : network_(network) {}

  struct Addresses {
    std::array<std::uint8_t, 4> v4{};
    std::array<std::uint8_t, 16> v6{};
  };
  /// Of names that one wildcard has brought.
  static constexpr std::size_t kMostBelow = 8192;
  /// The same ones each time. `wildcard`: the rule that allows the name, nameless when a person is
  /// asked about it; nullptr: a rule names it.
  /// Nothing: there are too many names.
  std::optional<Addresses> AddressesOf(const HostName& name,
                                       const policy::NetRule* wildcard = nullptr);
  /// nullptr: the address stands for none. The name lives as long as the table.
  [[nodiscard]] const HostName* NameOf(const Address& address) const;

 private:
  [[nodiscard]] Addresses NumberToAddresses(std::uint32_t number) const;

  Network network_;
  std::map<HostName, std::uint32_t> numbers_;  // from 1
  /// How many each wildcard has, by its name: rules move when a person adds one.
  std::map<std::optional<HostName>, std::size_t> below_;
  std::deque<HostName> names_;  // by number - 1; a deque does not move them
};

}  // namespace ambit::egress
