#include "policy/private_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "policy/foreign.h"

namespace ambit::policy {
namespace {

std::unexpected<Error> Wrong(std::string_view text, std::string_view why, std::string remedy = {}) {
  return Fail(Errc::kInvalidArgument, fmt::format("'{}': {}", Printable(text), why),
              std::move(remedy));
}

Result<AddressBytes> ReadAddress(std::string_view text, std::string_view whole) {
  std::string_view bare = text;
  if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
  const auto address = AddressIn(bare);
  if (!address) return Wrong(whole, "no address behind '='", "write NAME=192.0.2.7");
  switch (ReachOf(*address)) {
    case Reach::kMetadata:
      return Wrong(whole, "the metadata of a cloud machine is never reached");
    case Reach::kNobody:
      return Wrong(whole, "nobody has this address");
    default:
      return *address;
  }
}

bool IsAbout(const PrivateName& entry, const HostName& name) {
  return entry.below ? name.IsBelow(*entry.name) : name == *entry.name;
}

/// The address is one that the name alone could lead to.
bool IsWithin(const AddressBytes& address) {
  const Reach reach = ReachOf(address);
  return reach == Reach::kPublic || reach == Reach::kPrivate;
}

}  // namespace

Result<PrivateName> ParsePrivateName(std::string_view text, std::string from) {
  PrivateName entry;
  entry.from = std::move(from);
  const auto equals = text.find('=');
  AMBIT_TRY(NetRule rule, ParseNetRule(text.substr(0, equals), {}));
  if (!rule.name || rule.port || rule.raw) {
    return Wrong(text, "not a name alone", "write NAME, *.NAME or NAME=ADDRESS, without a port");
  }
  entry.name = std::move(rule.name);
  entry.below = rule.below;
  if (equals != std::string_view::npos) {
    AMBIT_TRY(entry.address, ReadAddress(text.substr(equals + 1), text));
  }
  return entry;
}

std::string TextOf(const PrivateName& name) {
  NetRule rule;
  rule.name = name.name;
  rule.below = name.below;
  return TextOf(rule) + (name.address ? "=" + TextOf(*name.address) : "");
}

bool Covers(const PrivateName& wider, const PrivateName& name) {
  const bool names = *wider.name == *name.name ? wider.below == name.below
                                               : wider.below && name.name->IsBelow(*wider.name);
  if (!names) return false;
  if (wider.address) return wider.address == name.address;
  return !name.address || IsWithin(*name.address);
}

Privacy PrivacyOf(const NetRules& rules, const HostName& name) {
  Privacy privacy;
  for (const bool below : {false, true}) {
    for (const PrivateName& entry : rules.private_names) {
      if (entry.below != below || !IsAbout(entry, name)) continue;
      if (privacy.by == nullptr || (entry.address && privacy.leads_to.empty())) privacy.by = &entry;
      if (entry.address) privacy.leads_to.push_back(*entry.address);
    }
    if (!privacy.leads_to.empty()) break;
  }
  return privacy;
}

bool IsAllowedAtAll(const NetRules& rules, const PrivateName& name) {
  return std::ranges::any_of(rules.allow, [&](const NetRule& rule) {
    if (!rule.name) return false;
    if (*rule.name == *name.name) return rule.below == name.below;
    return (rule.below && name.name->IsBelow(*rule.name)) ||
           (name.below && rule.name->IsBelow(*name.name));
  });
}

}  // namespace ambit::policy
