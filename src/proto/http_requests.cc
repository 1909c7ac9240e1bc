#include "proto/http_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ambit::proto {
namespace {

constexpr std::size_t kLongestChunkLine = 256;
constexpr std::string_view kLineEnd = "\r\n";

std::unexpected<Error> Wrong(std::string_view what) {
  return Fail(Errc::kInvalidArgument, fmt::format("an HTTP request {}", what));
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, IsTokenChar);
}

/// Anything that may stand in a line: no NUL, no line ends, no other controls but the tab.
bool IsLine(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

std::string Small(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return small;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

template <class Number>
std::optional<Number> NumberIn(std::string_view text, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(text.begin(), text.end(), number, base);
  if (text.empty() || error != std::errc() || end != text.end()) return std::nullopt;
  return number;
}

/// Takes the text up to the next line end off the front; nothing when there is none, or when it is
/// no line.
std::optional<std::string_view> NextLine(std::string_view& rest) {
  const auto end = rest.find(kLineEnd);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + kLineEnd.size());
  if (!IsLine(line)) return std::nullopt;
  return line;
}

/// What of a head decides who it is for and where it ends.
struct Fields {
  std::optional<HttpAuthority> host;
  std::optional<std::uint64_t> length;
  bool chunked = false;
  bool switches = false;
};

Status ReadField(std::string_view line, Fields& fields) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
    return Wrong("has a field that is not in order");
  }
  const std::string name = Small(line.substr(0, colon));
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (name == "host") {
    if (fields.host) return Wrong("names two hosts");
    AMBIT_TRY(fields.host, ReadAuthority(value));
  } else if (name == "content-length") {
    const bool digits = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    const auto length = NumberIn<std::uint64_t>(value, 10);
    if (fields.length || !digits || !length) return Wrong("has a length that is not in order");
    fields.length = length;
  } else if (name == "transfer-encoding") {
    if (fields.chunked || Small(value) != "chunked")
      return Wrong("has a transfer coding but chunked");
    fields.chunked = true;
  } else if (name == "connection" && Small(value).contains("host")) {
    return Wrong("wants its host left out further on");
  } else if (name == "upgrade") {
    if (fields.switches || Small(value) != "websocket") return Wrong("wants to switch protocols");
    fields.switches = true;
  }
  return {};
}

/// What decides about a request comes before it (RFC 9110, 6.5.1).
bool IsHarmlessTrailer(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return false;
  constexpr std::array<std::string_view, 5> kOfHeads = {
      "host", "content-length", "transfer-encoding", "connection", "upgrade"};
  return std::ranges::find(kOfHeads, Small(line.substr(0, colon))) == kOfHeads.end();
}

Status ReadRequestLine(std::string_view line, HttpRequestHead& head,
                       std::optional<HttpAuthority>& named) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Wrong("has no line of a request");
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return Wrong("is of another version");
  if (!IsToken(head.method) || head.target.empty() || head.target.contains(' ') ||
      head.target.contains('\t')) {
    return Wrong("has a first line that is not in order");
  }
  if (head.method == "CONNECT") return Wrong("asks for a tunnel");
  if (head.target.starts_with('/') || head.target == "*") return {};
  // The form that proxies get: it names the host a second time.
  constexpr std::string_view kScheme = "http://";
  if (!Small(head.target).starts_with(kScheme)) return Wrong("has a target that is not in order");
  const std::string_view rest = std::string_view(head.target).substr(kScheme.size());
  AMBIT_TRY(named, ReadAuthority(rest.substr(0, rest.find_first_of("/?#"))));
  return {};
}

}  // namespace

Result<HttpAuthority> ReadAuthority(std::string_view text) {
  const auto colon = text.find(':');
  AMBIT_TRY(HostName host, HostName::Parse(text.substr(0, colon)));
  HttpAuthority authority{.host = std::move(host), .port = std::nullopt};
  if (colon != std::string_view::npos) {
    authority.port = NumberIn<std::uint16_t>(text.substr(colon + 1), 10);
    if (!authority.port) return Wrong("names a port that is none");
  }
  return authority;
}

Result<HttpRequestHead> ReadRequestHead(std::string_view head) {
  std::string_view rest = head;
  const auto first = NextLine(rest);
  if (!first) return Wrong("has a first line that is not in order");
  HttpRequestHead request{.method = {},
                          .target = {},
                          .authority = {.host = *HostName::Parse("invalid"), .port = std::nullopt},
                          .length = std::nullopt};
  std::optional<HttpAuthority> named;
  AMBIT_CHECK(ReadRequestLine(*first, request, named));
  Fields fields;
  for (;;) {
    const auto line = NextLine(rest);
    if (!line) return Wrong("has a line that is not in order");
    if (line->empty()) break;
    AMBIT_CHECK(ReadField(*line, fields));
  }
  if (!rest.empty()) return Wrong("has something behind its head");
  if (!fields.host) return Wrong("names no host");
  if (fields.chunked && first->ends_with("1.0")) return Wrong("of HTTP/1.0 is chunked");
  if (fields.chunked && fields.length) return Wrong("has a length beside a transfer coding");
  if (named && (named->host != fields.host->host || named->port != fields.host->port)) {
    return Wrong("names two hosts");
  }
  if (fields.switches && (request.method != "GET" || fields.chunked || fields.length)) {
    return Wrong("wants to switch protocols");
  }
  request.switches = fields.switches;
  request.authority = *std::move(fields.host);
  if (!fields.chunked) request.length = fields.length.value_or(0);
  return request;
}

Result<std::optional<HttpAnswer>> ReadAnswerHead(std::string_view bytes) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  const auto end = bytes.find(kEnd);
  if (end == std::string_view::npos) {
    if (bytes.size() > kMostHttpHeadBytes) return Wrong("has an answer that is too large");
    return std::nullopt;
  }
  constexpr std::size_t kDigits = 3;
  if (!bytes.starts_with(kVersion)) return Wrong("has an answer that is none");
  const auto status = NumberIn<unsigned>(bytes.substr(kVersion.size(), kDigits), 10);
  if (!status) return Wrong("has an answer that is none");
  return HttpAnswer{.status = *status, .bytes = end + kEnd.size()};
}

Result<HttpRequests::Progress> HttpRequests::Take(std::string_view pending) {
  switch (within_) {
    case Within::kHead:
      return TakeHead(pending);
    case Within::kBody:
    case Within::kChunk:
      return TakeBody(pending);
    case Within::kChunkSize:
    case Within::kChunkEnd:
    case Within::kTrailer:
      break;
  }
  return TakeLine(pending);
}

Result<HttpRequests::Progress> HttpRequests::TakeHead(std::string_view pending) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const auto end = pending.find(kEnd);
  if (end == std::string_view::npos) {
    if (pending.size() > kMostHttpHeadBytes) return Wrong("has a head that is too large");
    return Progress();
  }
  const std::size_t bytes = end + kEnd.size();
  if (bytes > kMostHttpHeadBytes) return Wrong("has a head that is too large");
  AMBIT_TRY(HttpRequestHead head, ReadRequestHead(pending.substr(0, bytes)));
  left_ = head.length.value_or(0);
  within_ = !head.length ? Within::kChunkSize : left_ > 0 ? Within::kBody : Within::kHead;
  return Progress{.bytes = bytes, .head = std::move(head)};
}

HttpRequests::Progress HttpRequests::TakeBody(std::string_view pending) {
  const std::uint64_t bytes = std::min<std::uint64_t>(left_, pending.size());
  left_ -= bytes;
  if (left_ == 0) within_ = within_ == Within::kBody ? Within::kHead : Within::kChunkEnd;
  return {.bytes = static_cast<std::size_t>(bytes), .head = std::nullopt};
}

/// A line of the chunked coding.
Result<HttpRequests::Progress> HttpRequests::TakeLine(std::string_view pending) {
  std::string_view rest = pending;
  if (pending.find(kLineEnd) == std::string_view::npos) {
    // The carriage return may be here, and what belongs to it not yet.
    if (pending.size() > kLongestChunkLine + 1) return Wrong("has a chunk that is not in order");
    return Progress();
  }
  const auto line = NextLine(rest);
  if (!line || line->size() > kLongestChunkLine) return Wrong("has a chunk that is not in order");
  Progress progress{.bytes = line->size() + kLineEnd.size(), .head = std::nullopt};
  if (within_ == Within::kChunkEnd) {
    if (!line->empty()) return Wrong("has a chunk that is not in order");
    within_ = Within::kChunkSize;
  } else if (within_ == Within::kChunkSize) {
    const auto size = NumberIn<std::uint64_t>(*line, 16);  // extensions: nobody sends them
    if (!size || line->starts_with('-')) return Wrong("has a chunk that is not in order");
    left_ = *size;
    trailer_ = 0;
    within_ = left_ > 0 ? Within::kChunk : Within::kTrailer;
  } else {
    trailer_ += progress.bytes;
    if (trailer_ > kMostHttpHeadBytes) return Wrong("has a trailer that is too large");
    if (line->empty()) {
      within_ = Within::kHead;
    } else if (!IsHarmlessTrailer(*line)) {
      return Wrong("has a trailer that belongs into its head");
    }
  }
  return progress;
}

}  // namespace ambit::proto
