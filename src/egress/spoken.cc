#include "egress/spoken.h"

#include "proto/http_requests.h"

namespace ambit::egress {
namespace {

constexpr unsigned kAlert = 21;
constexpr unsigned kHandshake = 22;
constexpr unsigned kClientHello = 1;
constexpr unsigned kNoVersionFrom = 0x10;  // major: what servers take for no TLS at all
constexpr std::size_t kRecordHeader = 5;
constexpr unsigned kSsl2Record = 0x80;

constexpr std::string_view kVersion = " http/";
constexpr std::string_view kAuthority = "://";
constexpr std::string_view kGet = "GET";

/// What some server parts the words of a line at.
bool IsBlank(char c) {
  constexpr std::string_view kBlanks = " \t\v\f\x1c\x1d\x1e\x1f\x85\xa0";
  return kBlanks.contains(c);
}

bool IsLineEnd(char c) { return c == '\r' || c == '\n'; }

char Small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// How much of `pattern`, which begins with what occurs in it only there, is there with `c`.
std::size_t Matched(std::string_view pattern, std::size_t so_far, char c) {
  if (c == pattern[so_far]) return so_far + 1;
  return c == pattern[0] ? 1 : 0;
}

}  // namespace

Likeness LikeTls(std::string_view bytes) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (bytes.empty()) return Likeness::kPerhaps;
  const auto known_with = [&](std::size_t size, auto is_tls) {
    if (bytes.size() < size) return Likeness::kPerhaps;
    return is_tls() ? Likeness::kYes : Likeness::kNo;
  };
  if ((byte(0) & kSsl2Record) != 0) {
    return known_with(4, [&] { return byte(2) == kClientHello && byte(3) == 3; });
  }
  if (byte(0) != kHandshake && byte(0) != kAlert) return Likeness::kNo;
  if (bytes.size() > 1 && byte(1) >= kNoVersionFrom) return Likeness::kNo;
  if (byte(0) == kAlert) {
    return known_with(kRecordHeader, [&] { return byte(3) == 0 && byte(4) == 2; });
  }
  if (bytes.size() > 1 && byte(1) == 3) return Likeness::kYes;
  return known_with(kRecordHeader + 1, [&] { return byte(kRecordHeader) == kClientHello; });
}

Likeness FirstLine::LikeHttp(std::string_view pending) {
  while (taken_ < pending.size() && told_ == Likeness::kPerhaps) Take(pending[taken_++]);
  if (told_ == Likeness::kPerhaps && taken_ >= proto::kMostHttpHeadBytes) told_ = Likeness::kNo;
  return told_;
}

Likeness FirstLine::AtItsEnd() const {
  if (told_ != Likeness::kPerhaps) return told_;
  const bool is_oldest = method_ == kGet && (target_ == '/' || names_authority_);
  return names_version_ || is_oldest ? Likeness::kYes : Likeness::kNo;
}

void FirstLine::Take(char c) {
  if (at_ == At::kBefore && (IsBlank(c) || IsLineEnd(c))) return;
  if (at_ == At::kBehind) return TakeBehind(c);
  at_ = At::kMethod;
  if (IsBlank(c)) {
    at_ = At::kBehind;
    TakeBehind(c);
  } else if (IsLineEnd(c) || !proto::IsTokenChar(c)) {
    told_ = Likeness::kNo;
  } else if (method_.size() <= kGet.size()) {
    method_ += c;
  }
}

void FirstLine::TakeBehind(char c) {
  if (IsLineEnd(c)) {
    told_ = AtItsEnd();
    return;
  }
  const char plain = IsBlank(c) ? ' ' : Small(c);
  if (target_ == 0 && plain != ' ') target_ = plain;
  names_version_ =
      names_version_ || (version_ = Matched(kVersion, version_, plain)) == kVersion.size();
  names_authority_ = names_authority_ ||
                     (authority_ = Matched(kAuthority, authority_, plain)) == kAuthority.size();
}

}  // namespace ambit::egress
