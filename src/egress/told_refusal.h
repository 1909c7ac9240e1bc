#pragma once
// What a client is told whose connection is refused, in the protocol that it speaks: a program that
// gets a bare reset can only guess, and an agent then tries again. Pure; egress/relay sends it.
//
//   SSH   a disconnect message (RFC 4253, 11.1), which ssh and git show word for word; it goes out
//         without waiting, because whoever dials port 22 expects the server to speak first
//   TLS   alert 49, access denied (RFC 8446, 6.2): there is no place for words
//   HTTP  403 with the words as body and in X-Ambit-Refused
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ambit::egress {

enum class Speaks : std::uint8_t { kSsh, kTls, kHttp, kOther };

/// What a client speaks that has said `first` on `port`. Nothing: more has to come first.
std::optional<Speaks> SpeaksOf(std::string_view first, std::uint16_t port);

/// The most that a client may say before it is known what it speaks.
inline constexpr std::size_t kMostBeforeRefusal = 16U << 10;

/// `words`: one line. Empty for what has no words for it: a reset is all that can be said.
std::string RefusalIn(Speaks protocol, std::string_view words);

/// Alert 49, access denied, before any key is agreed on: every library has words for it.
inline constexpr std::string_view kTlsAccessDenied("\x15\x03\x03\x00\x02\x02\x31", 7);

/// A whole answer; `reason` one line of ASCII, for programs.
std::string HttpForbidden(std::string_view reason, std::string_view body);

}  // namespace ambit::egress
