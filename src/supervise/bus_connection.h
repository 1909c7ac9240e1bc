#pragma once
// A connection to a D-Bus bus, blocking, with one deadline for each step.
// Who calls: systemd_scope.
#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "proto/dbus.h"

namespace ambit::supervise {

class BusConnection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Connects to the socket at `path`, logs in as the effective user and says hello.
  static Result<BusConnection> Open(const std::string& path, Deadline deadline);

  /// Sends a call, and returns its serial number.
  Result<std::uint32_t> Send(proto::dbus::Message message);
  /// The next message. Errors: kLimit at the deadline; kIo when the other side is gone.
  Result<proto::dbus::Message> Receive(Deadline deadline);

 private:
  explicit BusConnection(Fd socket) : socket_(std::move(socket)) {}
  Status Login(Deadline deadline);
  Status ReadMore(Deadline deadline);

  Fd socket_;
  std::string received_;
  std::uint32_t serial_ = 0;
};

}  // namespace ambit::supervise
