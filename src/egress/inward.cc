#include "egress/inward.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "egress/connection.h"
#include "egress/dial.h"

namespace ambit::egress {
namespace {

bool IsConnector(int socket) {
  const auto address = LocalAddressOf(socket);
  int type = 0;
  socklen_t size = sizeof type;
  return address && address->port == 0 &&
         ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

bool IsMintListener(int socket) {
  const auto address = LocalAddressOf(socket);
  return address && address->port == plan::kMintPort && address->IsLoopback() && IsListener(socket);
}

}  // namespace

Status Inward::TakeMints(std::vector<Fd>& sockets) {
  for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}}) {
    Fd listener;
    Fd connector;
    for (Fd& socket : sockets) {
      const auto address = LocalAddressOf(socket.get());
      if (!address || address->family != family) continue;
      if (IsMintListener(socket.get())) {
        listener = std::move(socket);
      } else if (IsConnector(socket.get())) {
        connector = std::move(socket);
      }
    }
    if (bool{listener} != bool{connector}) {
      return Fail(Errc::kInvalidArgument, "egress was given half of what mints sockets");
    }
    if (!listener) continue;
    mints_.push_back(std::make_unique<Mint>(loop_, std::move(listener), std::move(connector)));
  }
  std::erase_if(sockets, [](const Fd& socket) { return !socket; });
  return {};
}

Task<int> Inward::Dial(Descriptor& out, std::uint16_t port, Patience& patience) {
  int failed = EAFNOSUPPORT;
  for (const auto& mint : mints_) {
    failed = co_await DialOver(*mint, out, port, patience);
    if (failed == 0 || patience.over()) break;
  }
  co_return failed;
}

Task<int> Inward::DialOver(Mint& mint, Descriptor& out, std::uint16_t port, Patience& patience) {
  Result<Fd> socket = co_await mint.Make();
  if (!socket) co_return socket.error().sys_errno;
  if (patience.over()) co_return ECANCELED;
  patience.WakeBy(Closing(out));
  const int failed = co_await Connect(out, *std::move(socket),
                                      mint.family() == 4 ? kLoopbackV4 : kLoopbackV6, port);
  patience.WakeBy({});
  co_return failed != 0 && patience.over() ? ECANCELED : failed;
}

Status Relay::Publish(Fd listener, const policy::PublishedPort& port) {
  const auto address = LocalAddressOf(listener.get());
  if (!address || !address->IsLoopback() || !IsListener(listener.get())) {
    return Fail(Errc::kInvalidArgument, "egress was given something that publishes nothing");
  }
  auto added = std::make_unique<Listener>(Listener{.socket = Descriptor(loop_),
                                                   .role = Role::kPublished,
                                                   .port = port.host,
                                                   .inside = port.inside});
  AMBIT_CHECK(Watch(std::move(listener), *added));
  listeners_.push_back(std::move(added));
  asio::co_spawn(loop_.get_executor(), AcceptAll(*listeners_.back()), asio::detached);
  return {};
}

/// The program of the host takes the part of the far side, so that bytes to the host are those that
/// come out of the run.
Task<> Relay::CarryIn(Fd client, std::uint16_t published, std::uint16_t inside) {
  auto connection = std::make_shared<Connection>(*this, Address{.port = inside}, nullptr);
  connection->published = published;
  boost::system::error_code error;
  connection->host.assign(client.get(), error);
  if (error) {
    ResetOnClose(client.get());
    co_return;
  }
  (void)std::move(client).Release();
  const auto patience = Patience::Of(loop_, connection->host.native_handle());
  const int failed = co_await inward_.Dial(connection->client, inside, *patience);
  patience->End();
  if (failed != 0) {
    EgressReport report = connection->About(ReportKind::kUpstreamFailed);
    report.error = failed;
    connection->Break(failed);
    reporter_.Send(report);
    co_return;
  }
  connection->Stands();
  connection->Opened(connection->client);
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, true), asio::detached);
  asio::co_spawn(loop_.get_executor(), CarryOneWay(connection, false), asio::detached);
}

}  // namespace ambit::egress
