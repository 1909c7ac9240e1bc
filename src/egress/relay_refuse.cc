// Connections that are refused so that the program can tell why: relay.h, "told".
#include <errno.h>
#include <fmt/format.h>

#include <array>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/text.h"
#include "egress/connection.h"
#include "egress/send_all.h"
#include "egress/told_refusal.h"

namespace ambit::egress {
namespace {

/// For the client to say what it speaks, and again to read.
constexpr std::chrono::seconds kLongest(1);

/// What is there now, behind `text`. False: the client has gone.
bool ReceiveMore(Descriptor& from, std::string& text) {
  std::array<char, 4096> block{};
  const ssize_t got = ::recv(from.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
  if (got > 0) text.append(block.data(), static_cast<std::size_t>(got));
  return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/// Nothing: it does not say, or is gone.
Task<std::optional<Speaks>> HearWhatIsSpoken(Descriptor& client, std::uint16_t port) {
  std::string first;
  auto spoken = SpeaksOf(first, port);
  while (!spoken && first.size() <= kMostBeforeRefusal &&
         !co_await Ready(client, Descriptor::wait_read)) {
    if (!ReceiveMore(client, first)) break;
    spoken = SpeaksOf(first, port);
  }
  co_return spoken;
}

/// An end before the client has read would take the words with it.
Task<> SendAndEnd(Descriptor& client, std::string words) {
  if (!co_await SendAll(client, words)) co_return;
  (void)::shutdown(client.native_handle(), SHUT_WR);
  std::string rest;
  while (!co_await Ready(client, Descriptor::wait_read)) {
    if (!ReceiveMore(client, rest)) break;
    rest.clear();
  }
}

enum class Ending : bool { kOrderly, kReset };

/// Closes `socket` when the time is over.
std::shared_ptr<Timer> CloseAfter(const std::shared_ptr<Descriptor>& socket, Ending ending) {
  auto until = std::make_shared<Timer>(socket->get_executor());
  until->expires_after(kLongest);
  until->async_wait([socket, ending](const boost::system::error_code& cancelled) {
    boost::system::error_code ignored;
    if (cancelled || !socket->is_open()) return;
    if (ending == Ending::kReset) ResetOnClose(socket->native_handle());
    socket->close(ignored);
  });
  return until;
}

}  // namespace

void Relay::RefuseInWords(Fd client, std::uint16_t port, std::string words) {
  Descriptor socket(loop_);
  boost::system::error_code error;
  socket.assign(client.get(), error);
  if (error) {
    ResetOnClose(client.get());
    return;
  }
  (void)std::move(client).Release();
  RefuseInWords(std::move(socket), port, std::move(words));
}

void Relay::RefuseInWords(Descriptor client, std::uint16_t port, std::string words) {
  if (telling_ >= kMostTold || IsFull()) {
    ResetOnClose(client.native_handle());
    return;
  }
  asio::co_spawn(loop_.get_executor(), Tell(std::move(client), port, Printable(words)),
                 asio::detached);
}

Task<> Relay::Tell(Descriptor client, std::uint16_t port, std::string words) {
  ++telling_;
  const auto socket = std::make_shared<Descriptor>(std::move(client));
  const auto hearing = CloseAfter(socket, Ending::kReset);
  const auto spoken = co_await HearWhatIsSpoken(*socket, port);
  hearing->cancel();
  const std::string reply = spoken ? RefusalIn(*spoken, words) : std::string();
  if (socket->is_open() && !reply.empty()) {
    const auto reading = CloseAfter(socket, Ending::kOrderly);
    co_await SendAndEnd(*socket, reply);
    reading->cancel();
  } else if (socket->is_open()) {
    ResetOnClose(socket->native_handle());
  }
  boost::system::error_code ignored;
  socket->close(ignored);
  --telling_;
}

}  // namespace ambit::egress
