#pragma once
// What the run's resolvers are answered: an address of its own for each name that the policy
// allows, and "no such name" for every other one, with the reason for those who read it. Nothing is
// asked of anybody else: a name that is not allowed leaves the machine in no form.
//
// A and AAAA of an allowed name: its addresses in the table. Other types: no data, so that nobody
// learns of ECH keys or HTTP/3. "localhost" and names below it: the loopback (RFC 6761). PTR of an
// address of the table: its name. Pure: bytes in, bytes out; sockets are egress/name_server's.
// Who calls: egress/name_server.
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/host_name.h"
#include "egress/name_table.h"
#include "policy/net_decision.h"
#include "policy/net_rules.h"
#include "proto/dns.h"

namespace ambit::egress {

class Responder {
 public:
  /// `refused` hears of each question for a name that the rules do not allow: the name, if it is
  /// one; and of one that they allow when there are too many names. `family`: 4 or 6, of the
  /// address that was asked for; 0: something else was. All three outlive the responder.
  using Refused = std::function<void(const HostName* name, const policy::NetDecision& why,
                                     std::uint8_t family)>;
  Responder(const policy::NetRules& rules, NameTable& table, Refused refused)
      : rules_(rules), table_(table), refused_(std::move(refused)) {}

  enum class Over : bool { kUdp, kTcp };
  /// Empty: no answer is due.
  std::string AnswerTo(std::span<const std::byte> message, Over over);

 private:
  proto::dns::Answer Decide(const proto::dns::Question& question);
  proto::dns::Answer OfHost(const HostName& host, std::uint16_t type);
  proto::dns::Answer OfPointer(std::string_view asked);

  const policy::NetRules& rules_;
  NameTable& table_;
  Refused refused_;
};

}  // namespace ambit::egress
