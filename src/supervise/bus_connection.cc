#include "supervise/bus_connection.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace ambit::supervise {
namespace {

constexpr std::size_t kMostLogin = 4096;

Status SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return FailErrno(errno, "write to the bus");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

int MillisecondsUntil(BusConnection::Deadline deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace

Result<BusConnection> BusConnection::Open(const std::string& path, Deadline deadline) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return FailErrno(ENAMETOOLONG, fmt::format("connect to the bus '{}'", Printable(path)));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return FailErrno(errno, fmt::format("connect to the bus '{}'", Printable(path)));
  }
  BusConnection bus(std::move(socket));
  AMBIT_CHECK(bus.Login(deadline));
  AMBIT_CHECK(bus.Send({.path = "/org/freedesktop/DBus",
                        .interface = "org.freedesktop.DBus",
                        .member = "Hello",
                        .destination = "org.freedesktop.DBus"}));
  return bus;
}

Status BusConnection::Login(Deadline deadline) {
  AMBIT_CHECK(SendAll(socket_.get(), proto::dbus::LoginAs(::geteuid())));
  while (!received_.contains("\r\n")) {
    if (received_.size() > kMostLogin) return Fail(Errc::kIo, "log in to the bus: no answer");
    AMBIT_CHECK(ReadMore(deadline));
  }
  if (!received_.starts_with("OK ")) return Fail(Errc::kDenied, "log in to the bus: refused");
  received_.erase(0, received_.find("\r\n") + 2);
  return SendAll(socket_.get(), proto::dbus::kBegin);
}

Status BusConnection::ReadMore(Deadline deadline) {
  pollfd poll{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&poll, 1, MillisecondsUntil(deadline));
  if (ready < 0 && errno == EINTR) return {};
  if (ready == 0) return Fail(Errc::kLimit, "wait for the bus: no answer in time");
  std::array<char, 4096> bytes{};
  const ssize_t got = ::read(socket_.get(), bytes.data(), bytes.size());
  if (got < 0) return FailErrno(errno, "read from the bus");
  if (got == 0) return Fail(Errc::kIo, "read from the bus: it has closed the connection");
  received_.append(bytes.data(), static_cast<std::size_t>(got));
  return {};
}

Result<std::uint32_t> BusConnection::Send(proto::dbus::Message message) {
  message.serial = ++serial_;
  AMBIT_CHECK(SendAll(socket_.get(), proto::dbus::Encode(message)));
  return message.serial;
}

Result<proto::dbus::Message> BusConnection::Receive(Deadline deadline) {
  for (;;) {
    AMBIT_TRY(std::optional<proto::dbus::Message> message, proto::dbus::TakeMessage(received_));
    if (message) return *std::move(message);
    AMBIT_CHECK(ReadMore(deadline));
  }
}

}  // namespace ambit::supervise
