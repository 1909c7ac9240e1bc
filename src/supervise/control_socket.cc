#include "supervise/control_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <span>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ambit::supervise {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kLongestTalk(1);
constexpr std::chrono::milliseconds kPauseWhenFull(20);

bool IsThePersons(int client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

bool Send(int client, const ControlReply& record) {
  return ::send(client, &record, sizeof record, MSG_NOSIGNAL) ==
         static_cast<ssize_t>(sizeof record);
}

ControlSocket::Reply FailedWith(const Error& error) {
  return {{.kind = ReplyKind::kFailed, .text = TextOf(error.what), .remedy = TextOf(error.remedy)}};
}

}  // namespace

Result<Fd> ControlSocket::Listen(int run_directory) {
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return FailErrno(errno, "make the run's control socket");
  const sockaddr_un address = ControlAddressIn(run_directory);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), kMostClients) != 0) {
    return FailErrno(errno, "make the run's control socket");
  }
  return socket;
}

ControlSocket::ControlSocket(asio::io_context& io, Fd listener, int run_directory, Serve serve)
    : io_(io),
      listener_(io, std::move(listener).Release()),
      run_directory_(run_directory),
      serve_(std::move(serve)) {}

ControlSocket::~ControlSocket() { (void)::unlinkat(run_directory_, kControlSocket, 0); }

asio::awaitable<void> ControlSocket::Watch() {
  for (;;) {
    boost::system::error_code error;
    co_await listener_.async_wait(Descriptor::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    if (clients_ >= kMostClients) {  // those who wait outside are let in as others leave
      asio::steady_timer pause(io_, kPauseWhenFull);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    Fd client(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client || !IsThePersons(client.get())) continue;
    asio::co_spawn(io_, Talk(std::move(client)), asio::detached);
  }
}

asio::awaitable<void> ControlSocket::Talk(Fd client) {
  ++clients_;
  auto socket = std::make_shared<Descriptor>(io_, std::move(client).Release());
  asio::steady_timer until(io_, kLongestTalk);
  until.async_wait([socket](const boost::system::error_code& cancelled) {
    boost::system::error_code ignored;
    if (!cancelled) socket->close(ignored);
  });
  boost::system::error_code error;
  co_await socket->async_wait(Descriptor::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  if (!error) Answer(socket->native_handle());
  until.cancel();
  --clients_;
}

/// The reply fits into the socket's buffer, or whoever does not read it has lost it.
void ControlSocket::Answer(int client) {
  std::array<std::byte, sizeof(ControlRequest) + 1> message{};
  const ssize_t got = ::recv(client, message.data(), message.size(), MSG_DONTWAIT);
  if (got <= 0) return;
  const auto request = DecodeRequest(std::span(message).first(static_cast<std::size_t>(got)));
  for (const ControlReply& record : request ? serve_(*request) : FailedWith(request.error())) {
    if (!Send(client, record)) return;
  }
}

}  // namespace ambit::supervise
