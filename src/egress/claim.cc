#include "egress/claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "egress/told_refusal.h"
#include "policy/net_rules.h"
#include "proto/client_hello.h"

namespace ambit::egress {
namespace {

// Kinds of records and messages of TLS (RFC 8446, appendix B).
constexpr unsigned kChangeCipherSpec = 20;
constexpr unsigned kAlert = 21;
constexpr unsigned kHandshake = 22;
constexpr unsigned kApplicationData = 23;
constexpr unsigned kClientHello = 1;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kLongestQuietRecord = kRecordHeader + 16;

enum class Http : std::uint8_t { kNo, kPerhaps, kYes };

/// What some server parts the words of a line at.
bool IsBlank(char c) {
  constexpr std::string_view kBlanks = " \t\v\f\x1c\x1d\x1e\x1f\x85\xa0";
  return kBlanks.contains(c);
}

/// Told by the whole first line: other protocols begin with words, too. Servers are lenient: with
/// empty lines and blanks before it, odd blanks, small letters and any method it is one all the
/// same, and then refused.
Http MayBeHttp(std::string_view bytes) {
  constexpr std::string_view kLineEnds = "\r\n";
  const auto* const begin =
      std::ranges::find_if_not(bytes, [&](char c) { return IsBlank(c) || kLineEnds.contains(c); });
  std::string line(begin, bytes.end());
  if (line.empty()) return Http::kPerhaps;
  std::ranges::replace_if(line, IsBlank, ' ');
  if (!proto::BeginsLikeHttp(line)) return Http::kNo;
  const auto end = line.find_first_of(kLineEnds);
  if (end == std::string_view::npos) {
    return bytes.size() < proto::kMostHttpHeadBytes ? Http::kPerhaps : Http::kNo;
  }
  line.resize(end);
  std::ranges::transform(line, line.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return line.contains(" http/") ? Http::kYes : Http::kNo;
}

}  // namespace

Claim::Claim(const HostName& name, std::uint16_t port) : name_(name), port_(port) {}

bool Claim::IsExpected(std::uint16_t port) {
  return std::ranges::find(policy::kWebPorts, port) != policy::kWebPorts.end();
}

Claim::Look Claim::At(std::string_view pending) {
  if (pending.empty()) return {};
  if (speaks_ == Speaks::kUnknown) {
    if (proto::BeginsLikeTls(std::as_bytes(std::span(pending)))) {
      if (pending.size() == 1) return {};  // the second byte decides as well
      speaks_ = Speaks::kTls;
    } else if (const Http http = MayBeHttp(pending); http != Http::kNo) {
      if (http == Http::kPerhaps) return {};
      speaks_ = Speaks::kHttp;
    } else if (IsExpected(port_)) {
      return {.then = Look::Then::kRefuse, .mismatch = Mismatch::kNeither};
    } else {
      return {.pass = pending.size(), .then = Look::Then::kRest};
    }
  }
  return speaks_ == Speaks::kTls ? AtTls(pending) : AtHttp(pending);
}

Claim::Look Claim::AtTls(std::string_view pending) {
  if (!greeted_) return AtHello(pending);
  if (pending.size() <= kRecordHeader) return {};
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(pending[at]); };
  const std::size_t record = kRecordHeader + (static_cast<std::size_t>(byte(3)) << 8 | byte(4));
  switch (byte(0)) {
    case kHandshake:
      // An empty one is forbidden (RFC 8446, 5.1), but not every server minds: a hello may follow.
      if (record == kRecordHeader) return RefuseTls(Mismatch::kNotInOrder, {});
      if (byte(kRecordHeader) == kClientHello) return AtHello(pending);
      break;
    case kChangeCipherSpec:
    case kAlert:
      if (record > kLongestQuietRecord) return RefuseTls(Mismatch::kNotInOrder, {});
      return {.pass = record <= pending.size() ? record : 0};
    case kApplicationData:
      break;
    default:
      return RefuseTls(Mismatch::kNotInOrder, {});
  }
  return {.pass = pending.size(), .then = Look::Then::kRest};
}

Claim::Look Claim::AtHello(std::string_view pending) {
  const auto hello = proto::ReadClientHello(std::as_bytes(std::span(pending)));
  if (!hello) return RefuseTls(Mismatch::kNotInOrder, {});
  if (!*hello) return {};
  const proto::ClientHello& said = **hello;
  if (said.encrypted) return RefuseTls(Mismatch::kHiddenServerName, {});
  if (!said.server_name) return RefuseTls(Mismatch::kNoServerName, {});
  if (*said.server_name != name_) {
    return RefuseTls(Mismatch::kOtherServerName, said.server_name->text());
  }
  if (said.early_data) return RefuseTls(Mismatch::kEarlyData, {});
  greeted_ = true;
  return {.pass = said.bytes};
}

Claim::Look Claim::AtHttp(std::string_view pending) {
  const auto progress = requests_.Take(pending);
  if (!progress) return RefuseHttp(Mismatch::kNotInOrder, {});
  if (progress->head) {
    const proto::HttpAuthority& authority = progress->head->authority;
    if (authority.host != name_ || authority.port.value_or(port_) != port_) {
      return RefuseHttp(Mismatch::kOtherHost, authority.host.text());
    }
    // Elsewhere, and later, the server may be in the middle of what it says.
    const bool first = !std::exchange(asked_, true);
    if (progress->head->switches) {
      if (!first || !IsExpected(port_)) return RefuseHttp(Mismatch::kNotInOrder, {});
      return {.pass = progress->bytes, .then = Look::Then::kSwitch};
    }
  }
  return {.pass = progress->bytes};
}

Claim::Look Claim::Refuse(Mismatch mismatch) const {
  if (speaks_ == Speaks::kTls) return RefuseTls(mismatch, {});
  if (speaks_ == Speaks::kHttp) return RefuseHttp(mismatch, {});
  return {.then = Look::Then::kRefuse, .mismatch = mismatch};
}

Claim::Look Claim::RefuseTls(Mismatch mismatch, std::string claimed) const {
  return {.then = Look::Then::kRefuse,
          .mismatch = mismatch,
          .claimed = std::move(claimed),
          .reply = std::string(kTlsAccessDenied)};
}

Claim::Look Claim::RefuseHttp(Mismatch mismatch, std::string claimed) const {
  const std::string body = fmt::format("ambit: {}: {}{}\n", name_.text(), WordsFor(mismatch),
                                       claimed.empty() ? "" : fmt::format(" ({})", claimed));
  return {.then = Look::Then::kRefuse,
          .mismatch = mismatch,
          .claimed = std::move(claimed),
          .reply = HttpForbidden(WordsFor(mismatch), body)};
}

std::string_view WordsFor(Mismatch mismatch) {
  switch (mismatch) {
    case Mismatch::kNone:
      return "";
    case Mismatch::kOtherServerName:
      return "the TLS server name is another";
    case Mismatch::kNoServerName:
      return "no TLS server name is given";
    case Mismatch::kHiddenServerName:
      return "the TLS server name is encrypted";
    case Mismatch::kOtherHost:
      return "the HTTP request is for another host";
    case Mismatch::kEarlyData:
      return "TLS data before the server's answer could hide another name";
    case Mismatch::kNotInOrder:
      return "what is spoken may be read in two ways";
    case Mismatch::kNeither:
      return "neither TLS nor HTTP is spoken";
    case Mismatch::kTooSlow:
      return "nothing was asked for in time";
    case Mismatch::kTooManyBegun:
      return "too many clients have begun to ask and do not go on";
  }
  return "?";
}

}  // namespace ambit::egress
