#pragma once
// Connections that the run's own kernel refuses, because no rule allows their port anywhere: nobody
// captures them. The kernel tells of each, at most plan::kToldPerSecond, with the headers of its
// first packet (nfnetlink_log, spawn/native/capture_rules).
//
// Who calls: egress. Source: linux/netfilter/nfnetlink_log.h; RFC 791, 8200, 9293.
#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "base/error.h"
#include "base/fd.h"
#include "egress/address.h"
#include "egress/loop.h"

namespace ambit::egress {

/// Where each packet that is told of was sent to. What is not one of TCP with its ports is left
/// out. The headers are the run's own kernel's, of what programs inside asked for.
void ForEachRefused(std::span<const std::byte> messages,
                    const std::function<void(const Address&)>& tell);

class RefusedPorts {
 public:
  using Tell = std::function<void(const Address&)>;
  RefusedPorts(asio::io_context& loop, Tell tell) : socket_(loop), tell_(std::move(tell)) {}
  RefusedPorts(const RefusedPorts&) = delete;
  RefusedPorts& operator=(const RefusedPorts&) = delete;

  /// Until the process ends. Errors: a socket that the loop cannot watch.
  Status Hear(Fd socket);

 private:
  Task<> HearAll();

  Descriptor socket_;
  Tell tell_;
};

/// Whether it is what spawn::NetworkSockets calls `refused`.
bool IsNetlink(int socket);

}  // namespace ambit::egress
