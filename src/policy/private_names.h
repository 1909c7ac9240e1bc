#pragma once
// Names that may lead to addresses that are not public, written as
//
//   db.corp.example            this name may lead to private networks
//   *.corp.example             every name below it, not itself
//   app.example=127.0.0.1      this name leads to that address, and is not looked up; to this
//                              machine's loopback there is no other way
//
// It is an addition to a rule that allows the name, and allows nothing by itself. Where a name
// leads to a cloud machine's metadata nothing helps, and an address that nobody has (multicast,
// unspecified) is none to lead to.
//
// Who calls: the policy's reader (ParsePrivateName), egress/upstream and plan/why (PrivacyOf).
// Pure.
#include <string>
#include <string_view>
#include <vector>

#include "policy/net_rules.h"

namespace ambit::policy {

/// kInvalidArgument quotes the text and says what is wrong with it.
Result<PrivateName> ParsePrivateName(std::string_view text, std::string from);

/// In the canonical form, as it could be written.
std::string TextOf(const PrivateName& name);

/// Whether all that `name` opens is opened by `wider` alone.
bool Covers(const PrivateName& wider, const PrivateName& name);

/// What holds for one name.
struct Privacy {
  const PrivateName* by = nullptr;     // of the rules: one that decides; nullptr: it is not private
  std::vector<AddressBytes> leads_to;  // the addresses written for it; empty: it is looked up
};
/// Addresses that are written for the name itself go before those for names below another one.
Privacy PrivacyOf(const NetRules& rules, const HostName& name);

/// Whether some rule of `rules.allow` could allow a name that `name` is about.
bool IsAllowedAtAll(const NetRules& rules, const PrivateName& name);

}  // namespace ambit::policy
