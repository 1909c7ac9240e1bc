#include "sys/own_addresses.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include "sys/netlink.h"

namespace ambit::sys {
namespace {

using Bytes = std::array<std::uint8_t, 16>;
using Addresses = std::set<Bytes>;

/// What the kernel sends at once at most (NLMSG_GOODSIZE, or what recvmsg asks for up to 32 KiB).
constexpr std::size_t kMostAtOnce = 32U << 10;

Status AskForAllOf(int socket, std::uint8_t family) {
  struct {
    nlmsghdr header;
    ifaddrmsg of;
  } question{};
  question.header = {.nlmsg_len = sizeof question,
                     .nlmsg_type = RTM_GETADDR,
                     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                     .nlmsg_seq = 1,
                     .nlmsg_pid = 0};
  question.of.ifa_family = family;
  if (::send(socket, &question, sizeof question, 0) != sizeof question) {
    return FailErrno(errno, "ask for the addresses of this machine");
  }
  return {};
}

/// The interface's own: of a point-to-point link IFA_ADDRESS is the far side's.
std::optional<Bytes> AddressIn(nlmsghdr* message) {
  auto* of = static_cast<ifaddrmsg*>(NLMSG_DATA(message));
  const std::size_t size = of->ifa_family == AF_INET ? 4 : of->ifa_family == AF_INET6 ? 16 : 0;
  if (size == 0) return std::nullopt;
  Bytes bytes{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  bool found = false;
  auto left = IFA_PAYLOAD(message);
  for (rtattr* one = IFA_RTA(of); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
    if (RTA_PAYLOAD(one) != size) continue;
    if (one->rta_type != IFA_LOCAL && (one->rta_type != IFA_ADDRESS || found)) continue;
    const std::span value(static_cast<const std::uint8_t*>(RTA_DATA(one)), size);
    std::ranges::copy(value, bytes.end() - static_cast<std::ptrdiff_t>(size));
    found = true;
  }
  return found ? std::optional(bytes) : std::nullopt;
}

/// True: there is more. EAGAIN: they changed meanwhile.
Result<bool> TakeSome(int socket, Addresses& addresses) {
  alignas(nlmsghdr) std::array<char, kMostAtOnce> buffer;
  const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), MSG_TRUNC);
  if (got < 0 && errno == EINTR) return true;
  if (got <= 0 || static_cast<std::size_t>(got) > buffer.size()) {
    return FailErrno(got < 0 ? errno : EPROTO, "read the addresses of this machine");
  }
  auto left = static_cast<unsigned>(got);
  for (auto* one = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(one, left);
       one = NLMSG_NEXT(one, left)) {
    if ((one->nlmsg_flags & NLM_F_DUMP_INTR) != 0) {
      return FailErrno(EAGAIN, "read the addresses of this machine");
    }
    if (one->nlmsg_type == NLMSG_DONE) return false;
    if (one->nlmsg_type == NLMSG_ERROR) {
      const auto* refusal = static_cast<const nlmsgerr*>(NLMSG_DATA(one));
      return FailErrno(-refusal->error, "read the addresses of this machine");
    }
    if (one->nlmsg_type != RTM_NEWADDR) continue;
    if (const auto address = AddressIn(one)) addresses.insert(*address);
  }
  return true;
}

Result<Addresses> AskOnce() {
  AMBIT_TRY(const Fd socket, OpenNetlink(NETLINK_ROUTE));
  Addresses addresses;
  // One after the other: for both at once the kernel waits for whoever changes the network of
  // anything on this machine, as the run's own is being made now (rtnl_dump_all()).
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    AMBIT_CHECK(AskForAllOf(socket.get(), family));
    for (bool more = true; more;) {
      AMBIT_TRY(more, TakeSome(socket.get(), addresses));
    }
  }
  return addresses;
}

}  // namespace

Result<Addresses> OwnAddresses() {
  constexpr int kTries = 10;  // they change while they are read: hardly ever twice
  for (int i = 1;; ++i) {
    auto addresses = AskOnce();
    if (addresses || addresses.error().sys_errno != EAGAIN || i == kTries) return addresses;
  }
}

}  // namespace ambit::sys
