#include "egress/refused_ports.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace ambit::egress {
namespace {

constexpr std::uint16_t kPacket = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
constexpr int kMessagesPerTurn = 64;

unsigned Byte(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<unsigned>(bytes[at]);
}

/// The destination in the headers of IP and TCP.
std::optional<Address> TargetOf(std::span<const std::byte> packet) {
  constexpr unsigned kTcp = 6;
  constexpr std::size_t kPorts = 4;
  if (packet.empty()) return std::nullopt;
  const bool v6 = Byte(packet, 0) >> 4 == 6;
  const std::size_t header = v6 ? 40 : std::size_t{Byte(packet, 0) & 0xF} * 4;
  if (header < 20 || packet.size() < header + kPorts) return std::nullopt;
  if (Byte(packet, v6 ? 6 : 9) != kTcp) return std::nullopt;
  Address target{.family = static_cast<std::uint8_t>(v6 ? 6 : 4)};
  std::memcpy(target.bytes.data(), packet.data() + (v6 ? 24 : 16), v6 ? 16 : 4);
  target.port =
      static_cast<std::uint16_t>(Byte(packet, header + 2) << 8 | Byte(packet, header + 3));
  return target;
}

/// The next thing with a length in front of it, aligned to four bytes, taken off `rest`: of netlink
/// messages the length has four bytes, of their attributes two. Nothing: no more.
template <class Header, class Length>
std::optional<std::span<const std::byte>> Next(std::span<const std::byte>& rest, Header& header,
                                               Length Header::* length) {
  if (rest.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, rest.data(), sizeof header);
  const std::size_t whole = header.*length;
  if (whole < sizeof header || whole > rest.size()) return std::nullopt;
  const auto content = rest.subspan(sizeof header, whole - sizeof header);
  rest = rest.subspan(std::min(rest.size(), (whole + 3) / 4 * 4));
  return content;
}

}  // namespace

void ForEachRefused(std::span<const std::byte> messages,
                    const std::function<void(const Address&)>& tell) {
  nlmsghdr message{};
  while (const auto content = Next(messages, message, &nlmsghdr::nlmsg_len)) {
    if (message.nlmsg_type != kPacket || content->size() < sizeof(nfgenmsg)) continue;
    auto attributes = content->subspan(sizeof(nfgenmsg));
    nlattr attribute{};
    while (const auto value = Next(attributes, attribute, &nlattr::nla_len)) {
      if ((attribute.nla_type & NLA_TYPE_MASK) != NFULA_PAYLOAD) continue;
      if (const auto target = TargetOf(*value)) tell(*target);
    }
  }
}

Status RefusedPorts::Hear(Fd socket) {
  boost::system::error_code error;
  socket_.assign(socket.get(), error);
  if (error) return FailErrno(error.value(), "watch the socket of refused connections");
  (void)std::move(socket).Release();
  asio::co_spawn(socket_.get_executor(), HearAll(), asio::detached);
  return {};
}

Task<> RefusedPorts::HearAll() {
  alignas(nlmsghdr) std::array<std::byte, 16 << 10> messages{};
  while (!co_await Ready(socket_, Descriptor::wait_read)) {
    for (int n = 0; n < kMessagesPerTurn; ++n) {
      sockaddr_nl from{};
      socklen_t size = sizeof from;
      const ssize_t got = ::recvfrom(socket_.native_handle(), messages.data(), messages.size(),
                                     MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
      if (got < 0 && errno == ENOBUFS) continue;  // some were lost: there were too many to tell
      if (got <= 0) break;
      if (from.nl_pid != 0) continue;  // only the kernel knows
      ForEachRefused(std::span(messages).first(static_cast<std::size_t>(got)), tell_);
    }
  }
}

bool IsNetlink(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_NETLINK;
}

}  // namespace ambit::egress
