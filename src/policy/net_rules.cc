#include "policy/net_rules.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <idn2.h>
#include <libpsl.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "base/text.h"
#include "policy/foreign.h"

namespace ambit::policy {
namespace {

constexpr std::string_view kRaw = "tcp://";
constexpr std::string_view kBelow = "*.";
constexpr int kV4Bits = 96;
constexpr int kWholeAddress = 128;

std::unexpected<Error> Wrong(std::string_view text, std::string_view why, std::string remedy = {}) {
  return Fail(Errc::kInvalidArgument, fmt::format("'{}': {}", Printable(text), why),
              std::move(remedy));
}

std::optional<unsigned> NumberIn(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number);
  if (text.empty() || error != std::errc() || end != text.end()) return std::nullopt;
  return number;
}

std::optional<AddressBytes> AddressIn(const std::string& text, bool v6) {
  AddressBytes address{};
  if (v6) {
    if (::inet_pton(AF_INET6, text.c_str(), address.data()) != 1) return std::nullopt;
    return address;
  }
  address[10] = address[11] = 0xFF;
  if (::inet_pton(AF_INET, text.c_str(), address.data() + 12) != 1) return std::nullopt;
  return address;
}

void KeepBits(AddressBytes& address, int bits) {
  for (int at = 0; at < 16; ++at) {
    const int kept = std::clamp(bits - 8 * at, 0, 8);
    address.at(static_cast<std::size_t>(at)) &= static_cast<std::uint8_t>(0xFF << (8 - kept));
  }
}

std::string TextOf(const AddressRange& range) {
  const bool v4 = range.bits >= kV4Bits && IsV4(range.first);
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(v4 ? AF_INET : AF_INET6, range.first.data() + (v4 ? 12 : 0), text.data(),
              text.size());
  std::string shown = text.data();
  if (range.bits != kWholeAddress) shown += fmt::format("/{}", range.bits - (v4 ? kV4Bits : 0));
  return v4 ? shown : fmt::format("[{}]", shown);
}

/// "192.0.2.7", "10.0.0.0/8"; v6 without its brackets. Nothing: it is no address.
Result<std::optional<AddressRange>> RangeIn(std::string_view text, bool v6) {
  const auto slash = text.find('/');
  const auto address = AddressIn(std::string(text.substr(0, slash)), v6);
  if (!address) {
    if (v6) return Wrong(text, "no address");
    return std::nullopt;
  }
  AddressRange range{.first = *address};
  if (slash != std::string_view::npos) {
    const auto bits = NumberIn(text.substr(slash + 1));
    if (!bits || *bits > (v6 ? 128U : 32U)) {
      return Wrong(text, "what is behind '/' is no length of a prefix",
                   fmt::format("write {}, or a range as 192.0.2.0/24", text.substr(0, slash)));
    }
    range = RangeAround(*address, static_cast<int>(*bits) + (v6 ? 0 : kV4Bits));
    if (range.first != *address) {
      return Wrong(text, "has bits behind its prefix", fmt::format("write {}", TextOf(range)));
    }
  }
  return range;
}

/// Other alphabets as A-labels.
Result<std::string> ToAscii(std::string_view name) {
  if (std::ranges::all_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return std::string(name);
  }
  if (name.contains('\0')) return Wrong(name, "holds a zero byte");
  char* ascii = nullptr;
  const std::string text(name);
  const int error = ::idn2_to_ascii_8z(text.c_str(), &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&::idn2_free)> owned(ascii, ::idn2_free);
  if (error != IDN2_OK) return Wrong(name, ::idn2_strerror(error));
  return std::string(ascii);
}

bool IsPublicSuffix(const HostName& name) {
  // Names that nobody can register by accident are no suffixes to it: not listed ones of one label.
  return ::psl_is_public_suffix(::psl_builtin(), name.text().c_str()) == 1;
}

/// A suffix that registries give names under, of the list's own entries: a host of one label is
/// none.
bool IsSuffixOfRegistries(const HostName& name) {
  return ::psl_is_public_suffix2(::psl_builtin(), name.text().c_str(),
                                 PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE) == 1;
}

/// Of many lists one entry keeps what stood between them.
Status RefuseWhiteSpaceAround(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r\n";
  const auto first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  const auto inner = text.substr(first, text.find_last_not_of(kWhite) + 1 - first);
  if (inner.size() == text.size()) return {};
  return Wrong(text, "white space around it", fmt::format("write {}", Printable(inner)));
}

Status RefuseUrl(std::string_view text, std::string_view rest) {
  const auto scheme = rest.find("://");
  if (scheme == std::string_view::npos) return {};
  const std::string_view behind = rest.substr(scheme + 3);
  std::string_view host = behind.substr(0, behind.find_first_of("/?#"));
  host.remove_prefix(host.rfind('@') + 1);  // npos + 1 is 0
  const std::string name = host.empty() ? "example.com" : Printable(host);
  if (rest.substr(0, scheme) == "udp") {
    return Wrong(text, "UDP is not carried",
                 fmt::format("names are answered inside without a rule; for TCP write {}", name));
  }
  return Wrong(text, "a URL, not a name", fmt::format("write {}", name));
}

/// What stands behind the colon of `text`.
Result<std::uint16_t> ReadPort(std::string_view text, std::string_view digits) {
  if (digits.empty()) return Wrong(text, "no port behind the colon");
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return Wrong(text,
                 fmt::format("'{}' is no port: ports are numbers, one each", Printable(digits)));
  }
  const auto port = NumberIn(digits);
  if (!port || *port == 0 || *port > 65535) return Wrong(text, "ports are 1 to 65535");
  return static_cast<std::uint16_t>(*port);
}

/// What people write who mean something else.
Status RefuseSlips(std::string_view text, std::string_view host) {
  if (host.empty()) return Wrong(text, "names no host", "write example.com");
  if (host == "*") {
    return Wrong(text, "no rule stands for everything",
                 "name the hosts, or *.example.com for all names below one");
  }
  if (host.contains(',') || host.contains(' ')) {
    return Wrong(text, "more than one name",
                 "one name each: --allow A --allow B, or [\"A\", \"B\"]");
  }
  if (const auto slash = host.find('/'); slash != std::string_view::npos) {
    return Wrong(text, "a name has no path",
                 fmt::format("write {}", Printable(host.substr(0, slash))));
  }
  if (const auto at = host.rfind('@'); at != std::string_view::npos) {
    return Wrong(text, "a name has no user",
                 fmt::format("write {}", Printable(host.substr(at + 1))));
  }
  return {};
}

std::unexpected<Error> IsLoopback(std::string_view text) {
  return Wrong(text, "a run has a loopback of its own",
               "--host-port N (net.host_ports) reaches port N of this machine's");
}

/// Without brackets nobody can tell its last group from a port.
Status RefuseBareV6(std::string_view text, std::string_view rest) {
  const std::string typed(rest.substr(0, rest.find('/')));
  const auto address = typed.contains(':') ? AddressIn(typed, /*v6=*/true) : std::nullopt;
  if (!address) return {};
  if (ReachOf(*address) == Reach::kLoopback) return IsLoopback(text);
  return Wrong(text, "an address of IPv6 stands in brackets",
               fmt::format("write [{0}], or [{0}]:PORT", rest));
}

bool IsOfThisMachine(const NetRule& rule) {
  constexpr int kV4LoopbackBits = 8 + kV4Bits;
  if (rule.name)
    return rule.name->text() == "localhost" || rule.name->text().ends_with(".localhost");
  const AddressRange v4{.first = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127},
                        .bits = kV4LoopbackBits};
  const AddressRange v6{.first = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, .bits = 128};
  const AddressRange& range = *rule.range;
  return (range.bits >= v4.bits && v4.Has(range.first)) ||
         (range.bits == kWholeAddress && v6.Has(range.first));
}

Status ReadHost(std::string_view text, NetRule& rule) {
  if (text.starts_with('[') && text.ends_with(']')) {
    AMBIT_TRY(rule.range, RangeIn(text.substr(1, text.size() - 2), /*v6=*/true));
    return {};
  }
  AMBIT_TRY(rule.range, RangeIn(text, /*v6=*/false));
  if (rule.range) return {};
  AMBIT_CHECK(RefuseSlips(text, text));
  rule.below = text.starts_with(kBelow);
  if (rule.below) text.remove_prefix(kBelow.size());
  AMBIT_TRY(const std::string ascii, ToAscii(text));
  AMBIT_TRY(rule.name, HostName::Parse(ascii));
  return {};
}

}  // namespace

bool IsV4(const AddressBytes& address) {
  return std::all_of(address.begin(), address.begin() + 10, [](auto b) { return b == 0; }) &&
         address[10] == 0xFF && address[11] == 0xFF;
}

std::optional<AddressBytes> AddressIn(std::string_view text) {
  return AddressIn(std::string(text), /*v6=*/text.contains(':'));
}

std::string TextOf(const AddressBytes& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = IsV4(address);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

bool AddressRange::Has(const AddressBytes& address) const {
  return RangeAround(address, bits).first == first;
}

AddressRange RangeAround(const AddressBytes& address, int bits) {
  AddressRange range{.first = address, .bits = bits};
  KeepBits(range.first, bits);
  return range;
}

Result<NetRule> ReadTarget(std::string_view text, std::string from) {
  NetRule rule;
  rule.from = std::move(from);
  AMBIT_CHECK(RefuseWhiteSpaceAround(text));
  std::string_view rest = text;
  rule.raw = rest.starts_with(kRaw);
  if (rule.raw) rest.remove_prefix(kRaw.size());
  AMBIT_CHECK(RefuseUrl(text, rest));
  if (rest.contains(',')) AMBIT_CHECK(RefuseSlips(text, rest));
  AMBIT_CHECK(RefuseBareV6(text, rest));
  const auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && !rest.ends_with(']')) {
    AMBIT_TRY(rule.port, ReadPort(text, rest.substr(colon + 1)));
    rest = rest.substr(0, colon);
  }
  if (rule.raw && !rule.port) return Wrong(text, "tcp:// wants a port");
  AMBIT_CHECK(ReadHost(rest, rule));
  return rule;
}

Result<NetRule> ParseNetRule(std::string_view text, std::string from) {
  AMBIT_TRY(NetRule rule, ReadTarget(text, std::move(from)));
  if (rule.below && IsPublicSuffix(*rule.name)) {
    return Wrong(text, "anybody may register a name there", "name the domains that are meant");
  }
  if (IsOfThisMachine(rule)) return IsLoopback(text);
  const bool as_host =
      rule.port ? text.substr(0, text.rfind(':')).ends_with('.') : text.ends_with('.');
  if (rule.name && !rule.below && !as_host && IsSuffixOfRegistries(*rule.name)) {
    return Wrong(text, "a public suffix, below which anybody has names",
                 fmt::format("name the host that is meant; {}. is the one that is called so itself",
                             rule.name->text()));
  }
  return rule;
}

Status CanBeAllowed(const NetRule& rule) {
  if (!rule.range || rule.range->bits != kWholeAddress) return {};
  const AddressBytes& address = rule.range->first;
  if (ReachOf(address) == Reach::kMetadata) {
    return Wrong(TextOf(rule), "the metadata of a cloud machine, which no run reaches",
                 "give the run the credentials that it needs by itself: --env NAME");
  }
  const AddressBytes nobody{};
  const bool unspecified =
      address == nobody || address == AddressBytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (!unspecified) return {};
  return Wrong(TextOf(rule), "no address: who dials it means its own loopback",
               "name the host that is meant, or a range as 192.0.2.0/24");
}

bool IsOfAllAddresses(const NetRule& rule) {
  constexpr AddressRange kAllV4{.first = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF},
                                .bits = kV4Bits};
  return rule.range && (rule.range->bits == 0 || *rule.range == kAllV4);
}

std::string TextOf(const NetRule& rule) {
  std::string text(rule.raw ? kRaw : "");
  if (rule.below) text += kBelow;
  text += rule.name ? rule.name->text() : TextOf(*rule.range);
  if (rule.name && !rule.below && IsSuffixOfRegistries(*rule.name)) text += '.';
  if (rule.port) text += fmt::format(":{}", *rule.port);
  return text;
}

}  // namespace ambit::policy
