#pragma once
// The relay: accepts what comes out of the run and connects it to the host's loopback.
//
// A connection to a host port goes to 127.0.0.1:N of the host, then to ::1; when neither answers
// the client gets a reset, never an end of file that looks like an empty answer. A connection on a
// capture listener is reset and reported as a denial. One thread; owned by RunEgress.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "egress/loop.h"
#include "egress/pipe_pool.h"
#include "egress/reporter.h"
#include "plan/network_plan.h"

namespace ambit::egress {

/// How much the descriptors of the process allow.
struct RelayLimits {
  std::size_t connections = 1024;
  std::size_t pipes = 64;
};
RelayLimits LimitsFor(std::size_t open_files, std::size_t listeners);

class Relay {
 public:
  Relay(asio::io_context& loop, Reporter& reporter, RelayLimits limits);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Takes over the listeners of the run and serves them until the process ends. Errors:
  /// kInvalidArgument for a descriptor that is not a listener of the plan; nothing is then served.
  Status Serve(std::vector<Fd> listeners, const plan::NetworkPlan& plan);

 private:
  struct Connection;
  enum class Role : std::uint8_t { kCapture, kHostPort };
  struct Listener {
    Descriptor socket;
    Role role;
    std::uint16_t port;
  };

  Task<> AcceptAll(Listener& listener);
  void Refuse(Fd client, ReportKind kind);
  Task<> Carry(Fd client, std::uint16_t port);
  Task<> CarryOneWay(std::shared_ptr<Connection> connection, bool to_host);

  asio::io_context& loop_;
  Reporter& reporter_;
  RelayLimits limits_;
  PipePool pipes_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::size_t open_ = 0;
  std::uint32_t last_connection_ = 0;
};

}  // namespace ambit::egress
