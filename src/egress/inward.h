#pragma once
// The way in: from published ports of the host to servers inside. The connections themselves are
// the relay's (Relay::CarryIn); here is what reaches a server inside.
#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "egress/loop.h"
#include "egress/mint.h"
#include "egress/patience.h"

namespace ambit::egress {

class Inward {
 public:
  explicit Inward(asio::io_context& loop) : loop_(loop) {}

  /// Takes the listeners and connectors of the mints out of what came from init. kInvalidArgument
  /// for one without the other.
  Status TakeMints(std::vector<Fd>& sockets);

  /// Connects `out` to 127.0.0.1:port of the run, then to [::1]:port. 0, or the errno of the last
  /// attempt that says something about the port; ECANCELED: the patience was over first.
  Task<int> Dial(Descriptor& out, std::uint16_t port, Patience& patience);

 private:
  Task<int> DialOver(Mint& mint, Descriptor& out, std::uint16_t port, Patience& patience);

  asio::io_context& loop_;
  std::vector<std::unique_ptr<Mint>> mints_;  // IPv4, then IPv6 where there is one
};

}  // namespace ambit::egress
