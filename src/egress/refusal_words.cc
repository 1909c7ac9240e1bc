#include "egress/refusal_words.h"

#include <errno.h>
#include <fmt/format.h>

#include <algorithm>

namespace ambit::egress {
namespace {

/// "example.com:22", as a rule would be written.
std::string RuleFor(const Address& target, const HostName* name) {
  policy::NetRule rule{.port = target.port};
  if (name != nullptr) {
    rule.name = *name;
  } else {
    rule.range = policy::AddressRange{.first = BytesOf(target)};
  }
  return policy::TextOf(rule);
}

/// What would let the name lead there; empty: nothing does.
std::string WayThere(const HostName& name, const NotConnected& why) {
  switch (why.reach) {
    case policy::Reach::kPrivate:
    case policy::Reach::kOwn:
      return fmt::format("--private {}", name.text());
    case policy::Reach::kLoopback:
      return fmt::format("--private {}={}", name.text(), policy::TextOf(why.address));
    case policy::Reach::kPublic:
    case policy::Reach::kMetadata:
    case policy::Reach::kNobody:
    case policy::Reach::kDenied:
      break;
  }
  return {};
}

}  // namespace

policy::AddressBytes BytesOf(const Address& address) {
  policy::AddressBytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (address.family == 6) return address.bytes;
  std::copy_n(address.bytes.begin(), 4, bytes.begin() + 12);
  return bytes;
}

std::string WordsOf(const Address& target, const HostName* name, std::string_view why) {
  return fmt::format("ambit: a connection to {} is refused: {}", RuleFor(target, name), why);
}

std::string WordsOfFailure(const Address& target, const HostName* name, std::string_view why) {
  return fmt::format("ambit: a connection to {} failed: {}", RuleFor(target, name), why);
}

std::string WhyNotAllowed(const Address& target, const HostName* name,
                          const policy::NetDecision& decision, policy::Reach reach) {
  if (decision.rule != nullptr) {
    return fmt::format("{} denies it ({})", policy::TextOf(*decision.rule), decision.rule->from);
  }
  // A range means no address of this machine, and of private networks only its own.
  const bool by_itself = name == nullptr && reach != policy::Reach::kPublic;
  return fmt::format("no rule names it{}, ambit run --allow {} would allow it",
                     by_itself ? fmt::format(" by itself ({})", policy::WordsFor(reach)) : "",
                     RuleFor(target, name));
}

std::string WhatAPersonSaid(int error) {
  return error == EACCES ? "a person was asked and said no"
                         : "a person was asked and did not answer";
}

std::string WhyUnreachable(const HostName* name, const NotConnected& why) {
  if (why.error == ENOENT) return "there is no such name";
  if (why.error != 0) return "no name server answered";
  const std::string way = name != nullptr ? WayThere(*name, why) : std::string();
  return fmt::format("it leads to {}{}", policy::WordsFor(why.reach),
                     way.empty() ? "" : fmt::format(", ambit run {} would allow it", way));
}

}  // namespace ambit::egress
