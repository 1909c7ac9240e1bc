#pragma once
// Whether what a client says first is TLS or HTTP, as a lenient server would take it: on ports
// where anything may be spoken only those two are looked at, so whoever could hide one of them
// would not be looked at at all. What is recognised and not in order is refused later (claim.h).
//
// Servers are known to take empty lines and odd blanks before a request, small letters, any method,
// and a request of HTTP/0.9, which has no version; a TLS record of any version, an alert before the
// hello, and a hello in the form of SSL 2 (RFC 5246, E.2). Pure. Who calls: egress/claim, and
// egress/told_refusal for the words in which it refuses.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ambit::egress {

/// kPerhaps: more has to be there before anybody can tell.
enum class Likeness : std::uint8_t { kNo, kPerhaps, kYes };

Likeness LikeTls(std::string_view bytes);

/// The first line, as it comes: each byte is looked at once, and none is kept.
class FirstLine {
 public:
  /// `pending`: all that the client has said; it grows.
  Likeness LikeHttp(std::string_view pending);
  /// The client says no more.
  [[nodiscard]] Likeness AtItsEnd() const;

 private:
  enum class At : std::uint8_t { kBefore, kMethod, kBehind };
  void Take(char c);
  void TakeBehind(char c);

  std::size_t taken_ = 0;
  At at_ = At::kBefore;
  Likeness told_ = Likeness::kPerhaps;
  std::string method_;         // as much as tells whether it is GET
  char target_ = 0;            // its first byte
  std::size_t version_ = 0;    // of " http/" that is there
  std::size_t authority_ = 0;  // of "://"
  bool names_version_ = false;
  bool names_authority_ = false;
};

}  // namespace ambit::egress
