#pragma once
// Rules of the network: which names, on which ports, a run may reach.
//
//   example.com            ports 80 and 443
//   *.example.com          every name below it, not itself
//   example.com:22         that port
//   tcp://example.com:25   that port, whatever is spoken there: what a client claims is not
//                          compared
//   192.0.2.7:5432, 10.0.0.0/8:22, [2001:db8::1]:443   addresses, for those who dial them; which of
//                          a range are meant says Means (policy/foreign.h)
//
// In `deny` a rule without a port is one of all ports. Deny wins over allow, however narrow either.
// Names are written as people see them; other alphabets become A-labels here (IDNA 2008), once, and
// HostName is what is compared ever after. A wildcard right below a public suffix ("*.com",
// "*.co.uk", "*.github.io") is refused: it would allow what anybody may register. So is a suffix of
// registries by itself, which hardly is a host; "com." is the host of that name. This machine's own
// loopback is no target: a run has one of its own.
//
// What they decide: policy/net_decision.h. Who calls: the policy's reader. Pure but for the list of
// public suffixes, which comes with the library.
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/host_name.h"

namespace ambit::policy {

/// An address, v4 as ::ffff:a.b.c.d.
using AddressBytes = std::array<std::uint8_t, 16>;
/// What the interfaces of the machine have.
using OwnAddresses = std::set<AddressBytes>;

/// "192.0.2.7", "2001:db8::1". Nothing: it is none.
std::optional<AddressBytes> AddressIn(std::string_view text);
std::string TextOf(const AddressBytes& address);
bool IsV4(const AddressBytes& address);

struct AddressRange {
  AddressBytes first{};
  int bits = 128;  // of v4: 96 more than what is written
  [[nodiscard]] bool Has(const AddressBytes& address) const;
  bool operator==(const AddressRange&) const = default;
};

/// The range of `bits` that `address` is in.
AddressRange RangeAround(const AddressBytes& address, int bits);

struct NetRule {
  std::optional<HostName> name;       // either this
  bool below = false;                 // the names below it, not itself
  std::optional<AddressRange> range;  // or this
  std::optional<std::uint16_t> port;  // none: kWebPorts; in `deny` all
  bool raw = false;                   // tcp://
  std::string from;                   // as NamedPath::from
  bool operator==(const NetRule&) const = default;
};

inline constexpr std::array<std::uint16_t, 2> kWebPorts = {80, 443};
/// Of allow and deny together.
inline constexpr std::size_t kMostNetRules = 1024;

/// A target as it is written, whether a rule of it makes sense or not: for lists that are not a
/// policy's. Errors as ParseNetRule.
Result<NetRule> ReadTarget(std::string_view text, std::string from);

/// kInvalidArgument quotes the text and says what is wrong with it.
Result<NetRule> ParseNetRule(std::string_view text, std::string from);

/// Whether a rule of `allow` could let anything through: kInvalidArgument of an address that nobody
/// is reached by, whatever a policy says.
Status CanBeAllowed(const NetRule& rule);

/// 0.0.0.0/0: every public address of IPv4. [::/0]: of both families.
bool IsOfAllAddresses(const NetRule& rule);

/// In the canonical form, as it could be written.
std::string TextOf(const NetRule& rule);

/// A name that may lead to addresses that are not public: policy/private_names.h.
struct PrivateName {
  std::optional<HostName> name;         // always there
  bool below = false;                   // the names below it, not itself
  std::optional<AddressBytes> address;  // it leads there, and is not looked up
  std::string from;                     // as NamedPath::from
  bool operator==(const PrivateName&) const = default;
};

struct NetRules {
  std::vector<NetRule> allow;
  std::vector<NetRule> deny;
  /// Whether a person is asked about what no rule allows or denies, ...
  bool ask = false;
  /// ... within what the managed policy allows; nullopt: it does not say.
  std::optional<std::vector<NetRule>> most = {};
  std::vector<PrivateName> private_names = {};
  bool operator==(const NetRules&) const = default;
};

}  // namespace ambit::policy
