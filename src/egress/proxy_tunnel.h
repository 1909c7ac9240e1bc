#pragma once
// A tunnel through the host's HTTP proxy: CONNECT on a connection to it, and what it answers to
// that. The proxy looks the name up and dials; what it may dial nobody judges here. Who calls:
// egress/upstream. Source: RFC 9110, 9.3.6.
#include <cstdint>
#include <string>

#include "egress/loop.h"
#include "egress/patience.h"

namespace ambit::egress {

/// How CONNECT ended: 2xx, then the connection is the tunnel; another status; or none, with errno
/// (EPROTO: it is no HTTP; ETIMEDOUT after 30 seconds; ECANCELED: the patience was over).
struct TunnelAnswer {
  int status = 0;
  int error = 0;
  [[nodiscard]] bool Stands() const { return status >= 200 && status < 300; }
};

/// `target` is "example.com:443". `login`: "Basic ...", or empty.
Task<TunnelAnswer> OpenTunnel(asio::io_context& loop, Descriptor& proxy, std::string target,
                              std::string login, Patience& patience);

}  // namespace ambit::egress
