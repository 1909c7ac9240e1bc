#pragma once
// Which host each request on a plain HTTP/1 connection is for. Sans I/O; hostile bytes. Bytes are
// only looked at: what is in order goes on exactly as it came.
//
// Every request of a connection is judged, not only the first: a client that keeps the connection
// could name another host in the second. So the length of each body has to be known beyond doubt,
// and what servers and proxies are known to read differently is refused: a bare line feed, white
// space before a colon or at the start of a line, a length beside a transfer coding, two lengths,
// two hosts, codings but chunked, a line with a NUL or a carriage return in it, a trailer that
// would be one of these. A request to switch protocols to anything but WebSocket is refused: HTTP/2
// would be requests that nobody sees. Whether the server agrees is not known here: whoever calls
// has to look before anything that follows goes on.
//
// Who calls: egress/claim. Source: RFC 9110 (7.2), 9112 (2.2, 3.2, 5, 6, 7.1).
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/host_name.h"

namespace ambit::proto {

inline constexpr std::size_t kMostHttpHeadBytes = 64U << 10;

/// What methods and names of fields consist of (RFC 9110, 5.6.2).
constexpr bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

struct HttpAuthority {
  HostName host;
  std::optional<std::uint16_t> port;
};

/// "example.com" or "example.com:8080". kInvalidArgument for everything else.
Result<HttpAuthority> ReadAuthority(std::string_view text);

struct HttpRequestHead {
  std::string method;
  std::string target;
  HttpAuthority authority;
  std::optional<std::uint64_t> length;  // of its body; none: chunked
  bool switches = false;                // to WebSocket, when the server agrees
};

/// The status of an answer; nothing when it is not whole. `bytes`: of its head. Errors:
/// kInvalidArgument.
struct HttpAnswer {
  unsigned status = 0;
  std::size_t bytes = 0;
};
Result<std::optional<HttpAnswer>> ReadAnswerHead(std::string_view bytes);

/// One head, with the empty line at its end. Errors: kInvalidArgument.
Result<HttpRequestHead> ReadRequestHead(std::string_view head);

/// The requests of one connection, in pieces as they come.
class HttpRequests {
 public:
  /// Whom the piece speaks to, as far as it goes: what may go on now.
  struct Progress {
    std::size_t bytes = 0;                // of `pending`, from its front, that are judged
    std::optional<HttpRequestHead> head;  // when a head ends there
  };
  /// `pending` begins where the last one's bytes ended. No bytes: more is needed. At most one head
  /// each time: call again. Errors: kInvalidArgument; nothing further may go on.
  Result<Progress> Take(std::string_view pending);

 private:
  enum class Within : std::uint8_t { kHead, kBody, kChunkSize, kChunk, kChunkEnd, kTrailer };
  Result<Progress> TakeHead(std::string_view pending);
  Result<Progress> TakeLine(std::string_view pending);
  Progress TakeBody(std::string_view pending);

  Within within_ = Within::kHead;
  std::uint64_t left_ = 0;  // of the body, or of its chunk
  std::size_t trailer_ = 0;
};

}  // namespace ambit::proto
