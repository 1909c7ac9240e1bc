#include "egress/responder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ambit::egress {
namespace {

namespace dns = proto::dns;

// An address stands for its name as long as the run: answers may be kept. What is refused may be
// allowed the next moment.
constexpr std::uint32_t kTtlSeconds = 300;
constexpr std::uint32_t kTtlOfRefusals = 1;
constexpr std::size_t kMostOverTcp = 65'535;

dns::Answer NoSuchName(dns::ExtendedError reason, std::string text) {
  return {.code = dns::Code::kNoSuchName,
          .ttl_seconds = kTtlOfRefusals,
          .addresses = {},
          .pointer = {},
          .extended = reason,
          .text = std::move(text)};
}

bool IsLocalhost(const HostName& name) {
  static const HostName kLocalhost = *HostName::Parse("localhost");
  return name == kLocalhost || name.IsBelow(kLocalhost);
}

/// By a rule of its own, whatever wildcard allows it as well.
bool IsNamed(const policy::NetRules& rules, const HostName& host) {
  return std::ranges::any_of(rules.allow, [&](const policy::NetRule& rule) {
    return rule.name && !rule.below && *rule.name == host;
  });
}

template <std::size_t size>
std::string Bytes(const std::array<std::uint8_t, size>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint8_t FamilyOf(std::uint16_t type) {
  if (type == std::to_underlying(dns::Type::kA)) return 4;
  return type == std::to_underlying(dns::Type::kAaaa) ? 6 : 0;
}

/// Its address in the family that was asked for; nothing for other types.
dns::Answer AddressesFor(std::uint16_t type, std::string v4, std::string v6) {
  dns::Answer answer{.ttl_seconds = kTtlSeconds};
  if (type == std::to_underlying(dns::Type::kA)) answer.addresses = {std::move(v4)};
  if (type == std::to_underlying(dns::Type::kAaaa)) answer.addresses = {std::move(v6)};
  return answer;
}

}  // namespace

std::string Responder::AnswerTo(std::span<const std::byte> message, Over over) {
  const auto received = dns::ReadQuestion(message);
  if (!received) return {};
  const std::size_t most = over == Over::kTcp ? kMostOverTcp : received->question.udp_bytes;
  if (received->code != dns::Code::kNoError) {
    return dns::WriteAnswer(received->question, {.code = received->code}, most);
  }
  return dns::WriteAnswer(received->question, Decide(received->question), most);
}

dns::Answer Responder::Decide(const dns::Question& question) {
  if (question.klass != dns::kInternet) return {.code = dns::Code::kRefused};
  if (question.type == std::to_underlying(dns::Type::kPtr)) return OfPointer(question.asked);
  if (question.host) return OfHost(*question.host, question.type);
  refused_(nullptr, {}, FamilyOf(question.type));
  return NoSuchName(dns::ExtendedError::kBlocked, "not the name of a host");
}

dns::Answer Responder::OfHost(const HostName& host, std::uint16_t type) {
  if (IsLocalhost(host)) {
    return AddressesFor(type, {127, 0, 0, 1}, std::string(15, '\0') + '\1');
  }
  const policy::NetDecision decision = policy::DecideName(rules_, host);
  if (!decision.allowed && !decision.ask) {
    refused_(&host, decision, FamilyOf(type));
    const std::string why = decision.rule != nullptr
                                ? fmt::format("denied by {}", policy::TextOf(*decision.rule))
                                : "no rule allows it";
    return NoSuchName(dns::ExtendedError::kBlocked, fmt::format("{}: {}", host.text(), why));
  }
  // What no rule names is counted together, as if one wildcard had brought it.
  static const policy::NetRule kAskedAbout;
  const policy::NetRule* const brought_by = decision.ask ? &kAskedAbout : decision.rule;
  const auto addresses = table_.AddressesOf(host, IsNamed(rules_, host) ? nullptr : brought_by);
  if (!addresses) {
    refused_(&host, decision, FamilyOf(type));
    return {.code = dns::Code::kServerFailure, .ttl_seconds = kTtlOfRefusals};
  }
  return AddressesFor(type, Bytes(addresses->v4), Bytes(addresses->v6));
}

dns::Answer Responder::OfPointer(std::string_view asked) {
  const auto bytes = dns::AddressOfPointer(asked);
  if (!bytes) return NoSuchName(dns::ExtendedError::kBlocked, "not an address");
  Address address{.family = static_cast<std::uint8_t>(bytes->size() == 4 ? 4 : 6)};
  std::copy(bytes->begin(), bytes->end(), address.bytes.begin());
  dns::Answer answer{.ttl_seconds = kTtlSeconds};
  if (address.IsLoopback()) {
    answer.pointer = "localhost";
    return answer;
  }
  const HostName* name = table_.NameOf(address);
  if (name == nullptr) return NoSuchName(dns::ExtendedError::kBlocked, "no name of this run");
  answer.pointer = name->text();
  return answer;
}

}  // namespace ambit::egress
