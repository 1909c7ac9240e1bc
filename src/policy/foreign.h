#pragma once
// Which addresses an allowed name may lead to. A name belongs to whoever runs its servers, and they
// may answer with an address of this machine or of the networks around it: so what a name resolves
// to has to be a public address, unless the policy says that the name is private, and never one
// that hands out a cloud machine's own credentials.
//
// An address inside another one (v4 in v6: mapped, compatible, NAT64, 6to4, Teredo) is judged by
// both. Who calls: egress/upstream, on each address before it is dialled; rules of addresses and
// of private names. Pure.
// Source: IANA special-purpose registries (RFC 6890, 8190), 6052, 3056, 4380, 6598, 4193.
#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/net_rules.h"

namespace ambit::policy {

enum class Reach : std::uint8_t {
  kPublic,
  kPrivate,   // somebody's own network, also in ranges of documentation and measurement: only by
              // names that the policy calls private
  kLoopback,  // this machine: only by names that the policy leads there by its address
  kOwn,       // this machine, by an address of its interfaces
  kMetadata,  // of a cloud machine: never
  kNobody,    // multicast, unspecified, reserved: never
  kDenied,    // wherever that is, a rule denies it: never. What is in effect says so, no address
};

inline constexpr Reach kLastReach = Reach::kDenied;

/// For people: "an address of a private network".
std::string_view WordsFor(Reach reach);

Reach ReachOf(const AddressBytes& address, const OwnAddresses& own = {});

/// The v4 address that `address` leads to as well, when it is one of those that hold one.
std::optional<AddressBytes> InnerAddressOf(const AddressBytes& address);

/// Whether a rule that names `range` means `address`, which is in it. A public address it does;
/// one that is not public only where all of the range is in one block with it, so 0.0.0.0/0 means
/// no private network; an address of this machine only where the range is that address. Loopback
/// and metadata no range means.
bool Means(const AddressRange& range, const AddressBytes& address, const OwnAddresses& own = {});

}  // namespace ambit::policy
