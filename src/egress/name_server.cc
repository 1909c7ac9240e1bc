#include "egress/name_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {
namespace {

constexpr std::size_t kLongestQuestion = 4096;
/// Connections get a turn after this many.
constexpr int kQuestionsPerTurn = 64;
constexpr std::chrono::seconds kLongestConnection(10);

/// Bytes that are there now; 0: none, or the end.
std::size_t ReceiveNow(Descriptor& from, std::span<std::byte> into) {
  const ssize_t got = ::recv(from.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace

Status NameServer::Serve(Fd udp, Fd tcp) {
  for (auto& [socket, fd] : {std::pair{&udp_, &udp}, std::pair{&tcp_, &tcp}}) {
    boost::system::error_code error;
    socket->assign(fd->get(), error);
    if (error) return FailErrno(error.value(), "watch a socket for names");
    (void)std::move(*fd).Release();
  }
  asio::co_spawn(loop_.get_executor(), AnswerOverUdp(), asio::detached);
  asio::co_spawn(loop_.get_executor(), AcceptAll(), asio::detached);
  return {};
}

Task<> NameServer::AnswerOverUdp() {
  std::array<std::byte, kLongestQuestion> question{};
  while (!co_await Ready(udp_, Descriptor::wait_read)) {
    for (int n = 0; n < kQuestionsPerTurn; ++n) {
      sockaddr_storage from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(udp_.native_handle(), question.data(), question.size(),
                                     MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0) break;
      const auto asked = std::span(question).first(static_cast<std::size_t>(got));
      const std::string answer = responder_.AnswerTo(asked, Responder::Over::kUdp);
      // Whoever does not read theirs has none.
      if (!answer.empty()) {
        (void)::sendto(udp_.native_handle(), answer.data(), answer.size(), MSG_DONTWAIT,
                       reinterpret_cast<const sockaddr*>(&from), size);
      }
    }
  }
}

Task<> NameServer::AcceptAll() {
  while (!co_await Ready(tcp_, Descriptor::wait_read)) {
    Fd client(::accept4(tcp_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
      Timer pause(loop_.get_executor());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await Wait(pause);
    }
    if (!client || open_ >= kMostConnections) continue;
    asio::co_spawn(loop_.get_executor(), AnswerOverTcp(std::move(client)), asio::detached);
  }
}

/// Answers the whole messages at the front, two bytes of length before each, and takes them off:
/// resolvers ask for both families at once. False: the connection is of no more use.
bool NameServer::AnswerAllIn(std::string& asked, int client) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(asked[at]); };
  while (asked.size() >= 2) {
    const std::size_t size = static_cast<std::size_t>(byte(0)) << 8 | byte(1);
    if (asked.size() < 2 + size) return size <= kLongestQuestion;
    std::string answer = responder_.AnswerTo(std::as_bytes(std::span(asked)).subspan(2, size),
                                             Responder::Over::kTcp);
    if (answer.empty()) return false;
    answer.insert(0, {static_cast<char>(answer.size() >> 8), static_cast<char>(answer.size())});
    const ssize_t sent = ::send(client, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(answer.size())) return false;
    asked.erase(0, 2 + size);
  }
  return true;
}

Task<> NameServer::AnswerOverTcp(Fd client) {
  auto socket = std::make_shared<Descriptor>(loop_);
  boost::system::error_code error;
  socket->assign(client.get(), error);
  if (error) co_return;
  (void)std::move(client).Release();
  ++open_;
  const auto until = std::make_shared<Timer>(loop_.get_executor());
  until->expires_after(kLongestConnection);
  until->async_wait([socket](const boost::system::error_code& cancelled) {
    boost::system::error_code ignored;
    if (!cancelled) socket->close(ignored);
  });
  std::string asked;
  std::array<std::byte, kLongestQuestion> block{};
  while (asked.size() <= kLongestQuestion && !co_await Ready(*socket, Descriptor::wait_read)) {
    const std::size_t got = ReceiveNow(*socket, block);
    if (got == 0) break;
    asked.append(reinterpret_cast<const char*>(block.data()), got);
    if (!AnswerAllIn(asked, socket->native_handle())) break;
  }
  until->cancel();
  socket->close(error);
  --open_;
}

}  // namespace ambit::egress
