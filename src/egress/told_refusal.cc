#include "egress/told_refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "egress/spoken.h"
#include "proto/client_hello.h"

namespace ambit::egress {
namespace {

constexpr std::uint16_t kSshPort = 22;
constexpr std::string_view kSshGreeting = "SSH-";

std::string Number(std::size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

/// One packet before any key is agreed on (RFC 4253, 6): length, length of the padding, content and
/// padding, a multiple of eight.
std::string SshDisconnect(std::string_view words) {
  constexpr char kDisconnect = 1;
  constexpr std::size_t kNotAllowedToConnect = 1;
  constexpr std::size_t kBlock = 8;
  constexpr std::size_t kLeastPadding = 4;
  std::string content(1, kDisconnect);
  content += Number(kNotAllowedToConnect) + Number(words.size());
  content += words;
  content += Number(0);  // of no language
  constexpr std::size_t kLengths = 5;
  std::size_t padding = kBlock - (kLengths + content.size()) % kBlock;
  if (padding < kLeastPadding) padding += kBlock;
  std::string packet = "SSH-2.0-ambit\r\n";
  packet += Number(1 + content.size() + padding);
  packet += static_cast<char>(padding);
  return packet + content + std::string(padding, '\0');
}

}  // namespace

std::optional<Speaks> SpeaksOf(std::string_view first, std::uint16_t port) {
  if (port == kSshPort) return Speaks::kSsh;
  if (first.empty()) return std::nullopt;
  if (kSshGreeting.starts_with(first.substr(0, kSshGreeting.size()))) {
    return first.size() >= kSshGreeting.size() ? std::optional(Speaks::kSsh) : std::nullopt;
  }
  const Likeness tls = LikeTls(first);
  if (tls == Likeness::kYes) {
    // A client that is told before it has said its hello may take it for a broken connection.
    const auto hello = proto::ReadClientHello(std::as_bytes(std::span(first)));
    return hello && !*hello ? std::nullopt : std::optional(Speaks::kTls);
  }
  const Likeness http = FirstLine().LikeHttp(first);
  if (http == Likeness::kYes) return Speaks::kHttp;
  if (tls == Likeness::kPerhaps || http == Likeness::kPerhaps) return std::nullopt;
  return Speaks::kOther;
}

std::string RefusalIn(Speaks protocol, std::string_view words) {
  switch (protocol) {
    case Speaks::kSsh:
      return SshDisconnect(words);
    case Speaks::kTls:
      return std::string(kTlsAccessDenied);
    case Speaks::kHttp:
      return HttpForbidden(words, fmt::format("{}\n", words));
    case Speaks::kOther:
      break;
  }
  return {};
}

std::string HttpForbidden(std::string_view reason, std::string_view body) {
  return fmt::format(
      "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nX-Ambit-Refused: {}\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      reason, body.size(), body);
}

}  // namespace ambit::egress
