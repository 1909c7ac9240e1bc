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

/// An address or a range, with a port or without one.
std::optional<policy::NetRule> ReadAddress(std::string_view entry) {
  for (const std::string& text : {std::string(entry), fmt::format("[{}]", entry)}) {
    const auto rule = policy::ReadTarget(text, {});
    if (rule && rule->range && !rule->raw) return *rule;
  }
  return std::nullopt;
}

/// A name means itself and all below it.
Status AddException(std::string_view variable, std::string_view entry,
                    std::vector<policy::NetRule>& direct) {
  if (auto address = ReadAddress(entry)) {
    direct.push_back(*std::move(address));
    return {};
  }
  std::string_view name = entry;
  if (name.starts_with("*.")) name.remove_prefix(1);
  if (name.starts_with('.')) name.remove_prefix(1);
  auto rule = policy::ReadTarget(name, {});
  if (!rule || !rule->name || rule->raw || rule->below) {
    return Wrong(variable, fmt::format("'{}' is no exception that can be read", Printable(entry)));
  }
  direct.push_back(*rule);
  rule->below = true;
  direct.push_back(*std::move(rule));
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
    if (!entry.empty()) AMBIT_CHECK(AddException(exceptions->name, entry, proxy.direct));
  }
  return proxy;
}

bool GoesByProxy(const HttpProxy& proxy, const HostName* name, const policy::AddressBytes& address,
                 std::uint16_t port) {
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
