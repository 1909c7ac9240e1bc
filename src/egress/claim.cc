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

constexpr std::string_view kHttp2Begins = "PRI * HTTP/2.0\r\n";  // RFC 9113, 3.4

// Kinds of records and messages of TLS (RFC 8446, appendix B).
constexpr unsigned kChangeCipherSpec = 20;
constexpr unsigned kAlert = 21;
constexpr unsigned kHandshake = 22;
constexpr unsigned kApplicationData = 23;
constexpr unsigned kClientHello = 1;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kLongestQuietRecord = kRecordHeader + 16;

}  // namespace

Claim::Claim(const HostName& name, std::uint16_t port) : name_(name), port_(port) {}

bool Claim::IsExpected(std::uint16_t port) {
  return std::ranges::find(policy::kWebPorts, port) != policy::kWebPorts.end();
}

Claim::Look Claim::At(std::string_view pending) {
  if (pending.empty()) return {};
  if (speaks_ == Speaks::kUnknown) {
    const Likeness tls = LikeTls(pending);
    const Likeness http = tls == Likeness::kNo ? first_line_.LikeHttp(pending) : Likeness::kNo;
    if (tls == Likeness::kPerhaps || http == Likeness::kPerhaps) return {};
    if (tls == Likeness::kNo && http == Likeness::kNo) return AtSomethingElse(pending);
    speaks_ = tls == Likeness::kYes ? Speaks::kTls : Speaks::kHttp;
  }
  return speaks_ == Speaks::kTls ? AtTls(pending) : AtHttp(pending);
}

Claim::Look Claim::AtEnd(std::string_view pending) const {
  if (pending.empty()) return {.then = Look::Then::kRest};
  if (speaks_ != Speaks::kUnknown || first_line_.AtItsEnd() == Likeness::kYes) {
    return Refuse(Mismatch::kNotInOrder);
  }
  return AtSomethingElse(pending);
}

Claim::Look Claim::AtSomethingElse(std::string_view pending) const {
  if (IsExpected(port_)) return {.then = Look::Then::kRefuse, .mismatch = Mismatch::kNeither};
  return {.pass = pending.size(), .then = Look::Then::kRest};
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
  if (!progress) {
    const bool http2 = !asked_ && pending.starts_with(kHttp2Begins);
    return RefuseHttp(http2 ? Mismatch::kHttp2 : Mismatch::kNotInOrder, {});
  }
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
    case Mismatch::kHttp2:
      return "HTTP/2 without TLS is spoken";
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
