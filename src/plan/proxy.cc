#include "plan/proxy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "base/text.h"

namespace ambit::plan {
namespace {

using Environment = std::map<std::string, std::string>;

struct Variable {
  std::string_view name;
  std::string_view value;
};

/// The first of `names` that is set to something.
std::optional<Variable> FirstOf(std::span<const std::string_view> names,
                                const Environment& environment) {
  for (const std::string_view name : names) {
    const auto found = environment.find(std::string(name));
    if (found != environment.end() && !found->second.empty()) {
      return Variable{.name = name, .value = found->second};
    }
  }
  return std::nullopt;
}

std::unexpected<Error> Wrong(std::string_view variable, std::string_view why) {
  return Fail(Errc::kInvalidArgument, fmt::format("{} of your environment: {}", variable, why),
              "write http://HOST:PORT, or unset it");
}

std::unexpected<Error> CannotBeRead(std::string_view variable, std::string_view entry) {
  return Fail(Errc::kInvalidArgument,
              fmt::format("{} of your environment: '{}' is no exception that can be read", variable,
                          Printable(entry)),
              fmt::format("write names, addresses or ranges between commas in {}, or take it out",
                          variable));
}

/// "PORT" of a host and its port; brackets go.
Result<HttpProxy> ReadHostAndPort(std::string_view variable, std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) {
    return Wrong(variable, "it names no port");
  }
  HttpProxy proxy;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), proxy.port);
  if (error != std::errc() || end != digits.end() || proxy.port == 0) {
    return Wrong(variable, "no port behind its colon");
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (const auto address = policy::AddressIn(host)) {
    proxy.host = policy::TextOf(*address);
  } else if (const auto name = HostName::Parse(host)) {
    proxy.host = name->text();
  } else {
    return Wrong(variable, "it names no host");
  }
  return proxy;
}

Result<HttpProxy> ReadUrl(const Variable& variable) {
  std::string_view rest = variable.value;
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    if (rest.substr(0, scheme) != "http") {
      return Fail(Errc::kUnsupported,
                  fmt::format("{} of your environment: a proxy of the kind '{}' is not spoken to",
                              variable.name, Printable(rest.substr(0, scheme))),
                  "name one with http://, or unset it to go without one");
    }
    rest.remove_prefix(scheme + 3);
  }
  rest = rest.substr(0, rest.find('/'));
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) rest.remove_prefix(at + 1);
  AMBIT_TRY(HttpProxy proxy, ReadHostAndPort(variable.name, rest));
  proxy.with_login = at != std::string_view::npos;
  return proxy;
}

/// Whoever has no domain, as browsers and .NET write it.
constexpr std::string_view kWithoutDot = "<local>";

std::optional<unsigned> NumberIn(std::string_view digits, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (digits.empty() || error != std::errc() || end != digits.end()) return std::nullopt;
  return number <= most ? std::optional(number) : std::nullopt;
}

/// "10", "192.168", "10.1.2.3" with zeros for what is missing.
struct BeginOfV4 {
  policy::AddressBytes address{};
  std::size_t octets = 0;
};
std::optional<BeginOfV4> ReadBeginOfV4(std::string_view text) {
  BeginOfV4 begin;
  begin.address[10] = begin.address[11] = 0xFF;
  for (bool more = true; more; ++begin.octets) {
    const std::size_t dot = text.find('.');
    const auto octet = NumberIn(text.substr(0, dot), 255);
    if (!octet || begin.octets == 4) return std::nullopt;
    begin.address.at(12 + begin.octets) = static_cast<std::uint8_t>(*octet);
    more = dot != std::string_view::npos;
    if (more) text.remove_prefix(dot + 1);
  }
  return begin;
}

/// "10.*", "192.168.*.*".
std::optional<policy::AddressRange> ReadWildcardOfV4(std::string_view entry) {
  constexpr std::string_view kAny = ".*";
  std::string_view known = entry;
  while (known.ends_with(kAny)) known.remove_suffix(kAny.size());
  const std::size_t wild = (entry.size() - known.size()) / kAny.size();
  const auto begin = ReadBeginOfV4(known);
  if (!begin || wild == 0 || begin->octets + wild > 4) return std::nullopt;
  return policy::RangeAround(begin->address, 96 + 8 * static_cast<int>(begin->octets));
}

/// "169.254/16", and ranges that are named by an address within them: "127.0.0.1/8", "fd00::1/8".
std::optional<policy::AddressRange> ReadRange(std::string_view entry) {
  const std::size_t slash = entry.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view start = entry.substr(0, slash);
  const std::string_view bits = entry.substr(slash + 1);
  if (start.contains(':')) {
    const auto address = policy::AddressIn(start);
    const auto length = NumberIn(bits, 128);
    if (!address || !length) return std::nullopt;
    return policy::RangeAround(*address, static_cast<int>(*length));
  }
  const auto begin = ReadBeginOfV4(start);
  const auto length = NumberIn(bits, 32);
  if (!begin || !length) return std::nullopt;
  return policy::RangeAround(begin->address, 96 + static_cast<int>(*length));
}

/// An address or a range, with a port or without one.
std::optional<policy::NetRule> ReadAddress(std::string_view entry) {
  std::string_view bare = entry;
  if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
  for (const auto& range : {ReadWildcardOfV4(entry), ReadRange(bare)}) {
    if (range) return policy::NetRule{.range = range};
  }
  for (const std::string& text : {std::string(entry), fmt::format("[{}]", entry)}) {
    const auto rule = policy::ReadTarget(text, {});
    if (rule && rule->range && !rule->raw) return *rule;
  }
  return std::nullopt;
}

/// "_dmarc.example.com": no run asks for such a name, whose letters no host's name has.
bool IsNoNameOfAHost(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  return name.contains('_') && std::ranges::all_of(name, fits);
}

/// A name means itself and all below it.
Status AddException(std::string_view variable, std::string_view entry, HttpProxy& proxy) {
  if (entry == kWithoutDot) {
    proxy.direct_without_dot = true;
    return {};
  }
  if (auto address = ReadAddress(entry)) {
    proxy.direct.push_back(*std::move(address));
    return {};
  }
  std::string_view name = entry;
  if (name.starts_with("*.")) name.remove_prefix(1);
  if (name.starts_with('.')) name.remove_prefix(1);
  if (IsNoNameOfAHost(name.substr(0, name.find(':')))) return {};
  auto rule = policy::ReadTarget(name, {});
  if (!rule || !rule->name || rule->raw || rule->below) return CannotBeRead(variable, entry);
  proxy.direct.push_back(*rule);
  rule->below = true;
  proxy.direct.push_back(*std::move(rule));
  return {};
}

}  // namespace

Result<std::optional<HttpProxy>> ProxyOf(const Environment& environment) {
  const auto variable = FirstOf(kProxyVariables, environment);
  if (!variable) return std::nullopt;
  AMBIT_TRY(HttpProxy proxy, ReadUrl(*variable));
  const auto exceptions = FirstOf(kNoProxyVariables, environment);
  std::string_view rest = exceptions ? exceptions->value : std::string_view();
  constexpr std::string_view kBetween = ", \t";
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find_first_of(kBetween));
    rest.remove_prefix(std::min(rest.size(), entry.size() + 1));
    if (entry == "*") return std::nullopt;
    if (!entry.empty()) AMBIT_CHECK(AddException(exceptions->name, entry, proxy));
  }
  return proxy;
}

bool GoesByProxy(const HttpProxy& proxy, const HostName* name, const policy::AddressBytes& address,
                 std::uint16_t port) {
  if (name != nullptr && proxy.direct_without_dot && !name->text().contains('.')) return false;
  return std::ranges::none_of(proxy.direct, [&](const policy::NetRule& rule) {
    if (rule.port && *rule.port != port) return false;
    if (name == nullptr) return rule.range && rule.range->Has(address);
    return rule.name && (rule.below ? name->IsBelow(*rule.name) : *name == *rule.name);
  });
}

std::string DescribeProxy(const Environment& environment) {
  const auto variable = FirstOf(kProxyVariables, environment);
  if (!variable) return "none: no variable of your environment names one";
  const auto proxy = ProxyOf(environment);
  if (!proxy) {
    return fmt::format("{}; no run that reaches names starts ({})", proxy.error().what,
                       proxy.error().remedy);
  }
  const auto exceptions = FirstOf(kNoProxyVariables, environment);
  if (!*proxy) return fmt::format("none: {} excepts everything", exceptions->name);
  std::vector<std::string> direct;
  if ((*proxy)->direct_without_dot) direct.emplace_back("names without a dot");
  for (const policy::NetRule& rule : (*proxy)->direct) {
    if (!rule.below) direct.push_back(policy::TextOf(rule));
  }
  return fmt::format(
      "{} ({}{}){}", TextOf(**proxy), variable->name, (*proxy)->with_login ? ", with a login" : "",
      direct.empty()
          ? ""
          : fmt::format(", but not for {} ({})", fmt::join(direct, ", "), exceptions->name));
}

std::string TextOf(const HttpProxy& proxy) {
  return fmt::format("{}:{}", proxy.host.contains(':') ? "[" + proxy.host + "]" : proxy.host,
                     proxy.port);
}

}  // namespace ambit::plan
