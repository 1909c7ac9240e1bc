#pragma once
// What the rules of the network (net_rules.h) say about a name or an address and a port. Deny wins
// over allow, however narrow either; of two rules that allow, the one that compares what a client
// claims. Pure. Who calls: egress, plan/why, supervise for what a person grants.
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/host_name.h"
#include "policy/net_rules.h"

namespace ambit::policy {

/// What decides about a name or an address and a port: the rule, or that there is none.
struct NetDecision {
  const NetRule* rule = nullptr;  // of `rules`; of `deny` unless allowed
  bool allowed = false;
  bool ask = false;  // no rule: a person decides
};
NetDecision Decide(const NetRules& rules, const HostName& name, std::uint16_t port);
NetDecision Decide(const NetRules& rules, const AddressBytes& address, std::uint16_t port,
                   const OwnAddresses& own = {});
/// Whether a rule denies the address: also to a name that leads there.
bool IsDenied(const NetRules& rules, const AddressBytes& address, std::uint16_t port);

/// Whether the name may be reached on any port: a name that may not gets no address.
NetDecision DecideName(const NetRules& rules, const HostName& name);
/// The same of an address that is none of this machine's interfaces.
NetDecision DecideAddress(const NetRules& rules, const AddressBytes& address);

/// Whether all that `rule` allows is allowed by `wider` alone.
bool Covers(const NetRule& wider, const NetRule& rule);

/// Whether `denied`, of `deny`, takes away all that `rule` allows.
bool DeniesAllOf(const NetRule& denied, const NetRule& rule);

/// Whether a person may allow `rule` while the run goes on: no rule denies all of it, and it is
/// within what the managed policy allows. kDenied says which.
Status MayGrant(const NetRules& rules, const NetRule& rule);

/// All ports that some rule allows, in order: what the run's own kernel lets through unless a
/// person is asked, about any port.
std::vector<std::uint16_t> PortsOf(const NetRules& rules);

}  // namespace ambit::policy
