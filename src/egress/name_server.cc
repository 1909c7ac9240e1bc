#include "egress/name_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {
namespace {

constexpr std::size_t kLongestQuestion = 4096;
constexpr std::chrono::seconds kLongestConnection(10);

// linux/in6.h, which cannot be included beside netinet/in.h: the names of options and of what they
// bring are the same.
constexpr int kIpOriginalTarget = 20;
constexpr int kIpv6OriginalTarget = 74;

/// Where the message was sent to, as the kernel says beside it.
std::optional<Address> TargetBeside(msghdr& message) {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    const bool v4 = one->cmsg_level == IPPROTO_IP && one->cmsg_type == kIpOriginalTarget;
    const bool v6 = one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == kIpv6OriginalTarget;
    if (!v4 && !v6) continue;
    sockaddr_storage target{};
    std::memcpy(&target, CMSG_DATA(one), v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    return AddressIn(target);
  }
  return std::nullopt;
}

/// The one thing beside `message`: which address it comes from.
void WriteSource(msghdr& message, const Address& source) {
  cmsghdr* one = CMSG_FIRSTHDR(&message);
  if (source.family == 4) {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, source.bytes.data(), sizeof info.ipi_spec_dst);
    one->cmsg_level = IPPROTO_IP;
    one->cmsg_type = IP_PKTINFO;
    one->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(one), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  } else {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, source.bytes.data(), sizeof info.ipi6_addr);
    one->cmsg_level = IPPROTO_IPV6;
    one->cmsg_type = IPV6_PKTINFO;
    one->cmsg_len = CMSG_LEN(sizeof info);
    std::memcpy(CMSG_DATA(one), &info, sizeof info);
    message.msg_controllen = CMSG_SPACE(sizeof info);
  }
}

/// Bytes that are there now; 0: none, or the end.
std::size_t ReceiveNow(Descriptor& from, std::span<std::byte> into) {
  const ssize_t got = ::recv(from.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace

Status NameServer::Serve(std::vector<Fd> sockets) {
  for (Fd& fd : sockets) {
    auto socket = std::make_unique<Descriptor>(loop_);
    boost::system::error_code error;
    socket->assign(fd.get(), error);
    if (error) return FailErrno(error.value(), "watch a socket for names");
    (void)std::move(fd).Release();
    sockets_.push_back(std::move(socket));
  }
  for (const auto& socket : sockets_) {
    asio::co_spawn(
        loop_.get_executor(),
        IsListener(socket->native_handle()) ? AcceptAll(*socket) : AnswerOverUdp(*socket),
        asio::detached);
  }
  return {};
}

void NameServer::Note(const Address& resolver) {
  if (resolver.IsLoopback() || resolvers_.size() >= kMostResolvers) return;
  if (resolvers_.insert({resolver.family, resolver.bytes}).second) asked_(resolver);
}

Task<> NameServer::AnswerOverUdp(Descriptor& socket) {
  while (!co_await Ready(socket, Descriptor::wait_read)) {
    AnswerOne(socket);
  }
}

/// Whether there is another question is seen at the next wait: mostly there is none.
void NameServer::AnswerOne(Descriptor& socket) {
  std::array<std::byte, kLongestQuestion> question{};
  sockaddr_storage from{};
  alignas(cmsghdr) std::array<std::byte, 256> beside{};
  iovec into{.iov_base = question.data(), .iov_len = question.size()};
  msghdr message{.msg_name = &from,
                 .msg_namelen = sizeof from,
                 .msg_iov = &into,
                 .msg_iovlen = 1,
                 .msg_control = beside.data(),
                 .msg_controllen = beside.size(),
                 .msg_flags = 0};
  const ssize_t got = ::recvmsg(socket.native_handle(), &message, MSG_DONTWAIT);
  if (got < 0) return;
  const auto resolver = TargetBeside(message);
  if (!resolver) return;
  Note(*resolver);
  const auto asked = std::span(question).first(static_cast<std::size_t>(got));
  std::string answer = responder_.AnswerTo(asked, Responder::Over::kUdp);
  if (answer.empty()) return;
  into = {.iov_base = answer.data(), .iov_len = answer.size()};
  message.msg_controllen = beside.size();
  WriteSource(message, *resolver);
  // Whoever does not read theirs has none.
  (void)::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT);
}

Task<> NameServer::AcceptAll(Descriptor& listener) {
  while (!co_await Ready(listener, Descriptor::wait_read)) {
    Fd client(::accept4(listener.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
      Timer pause(loop_.get_executor());
      pause.expires_after(std::chrono::milliseconds(100));
      co_await Wait(pause);
    }
    if (!client || open_ >= kMostConnections) continue;
    if (const auto resolver = LocalAddressOf(client.get())) Note(*resolver);
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
