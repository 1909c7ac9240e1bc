#pragma once
// What an HTTP proxy answers to CONNECT (RFC 9110, 9.3.6): the head alone is read, what is behind
// it is the tunnel's. Without I/O; the bytes are hostile. Who calls: egress/proxy_tunnel.
#include <cstddef>
#include <string_view>

namespace ambit::proto {

struct ProxyAnswer {
  enum class State : unsigned char { kMore, kBad, kWhole };
  State state = State::kMore;
  std::size_t bytes = 0;  // kWhole: of the head, with the empty line at its end
  int status = 0;         // kWhole: 100 to 599
};

inline constexpr std::size_t kMostProxyAnswer = 16U << 10;

/// `text` is what has come by now.
ProxyAnswer ReadProxyAnswer(std::string_view text);

}  // namespace ambit::proto
