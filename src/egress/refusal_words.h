#pragma once
// The words with which a refused program is told why: the target, the rule, and the flag of
// `ambit run` that would allow it, where there is one. What is on record has the same flag
// (event/refusal). Pure. Who calls: egress/relay; egress/told_refusal says them.
#include <string>
#include <string_view>

#include "egress/address.h"
#include "egress/upstream.h"
#include "policy/net_decision.h"

namespace ambit::egress {

/// As the rules of addresses have it.
policy::AddressBytes BytesOf(const Address& address);

/// "ambit: a connection to example.com:22 is refused: WHY". `name`: nullptr for an address.
std::string WordsOf(const Address& target, const HostName* name, std::string_view why);
/// Of what is allowed: "ambit: a connection to example.com:22 failed: WHY".
std::string WordsOfFailure(const Address& target, const HostName* name, std::string_view why);

/// Of what no rule allows; `reach`: of an address.
std::string WhyNotAllowed(const Address& target, const HostName* name,
                          const policy::NetDecision& decision, policy::Reach reach);

/// Of what a person was asked about; `error`: EACCES said no, else said nothing.
std::string WhatAPersonSaid(int error);

/// Of an allowed name that leads where it may not (kUnreachable); nullptr for an address.
std::string WhyUnreachable(const HostName* name, const NotConnected& why);

}  // namespace ambit::egress
