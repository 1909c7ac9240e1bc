#include "spawn/native/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "policy/net_decision.h"
#include "spawn/native/capture_rules.h"
#include "sys/fd_passing.h"

namespace ambit::spawn {
namespace {

constexpr int kLoopbackIndex = 1;  // lo is the first interface of every namespace
constexpr int kBacklog = 1024;
// linux/in.h and linux/in6.h, which cannot be included beside netinet/in.h.
constexpr int kIpTransparent = 19;
constexpr int kIpv6Transparent = 75;
constexpr int kIpOriginalTarget = 20;    // IP_RECVORIGDSTADDR
constexpr int kIpv6OriginalTarget = 74;  // IPV6_RECVORIGDSTADDR

enum class Transparency : bool { kOrdinary, kTransparent };

/// A listener that nothing inside can bind beside: without SO_REUSEPORT and SO_REUSEADDR.
Result<Fd> Listen(const sockaddr* address, socklen_t size, Transparency transparency,
                  std::string_view shown) {
  const int family = address->sa_family;
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!socket) return FailErrno(errno, fmt::format("socket for '{}'", shown));
  const int on = 1;
  if (family == AF_INET6 &&
      ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
    return FailErrno(errno, fmt::format("IPV6_V6ONLY on '{}'", shown));
  }
  if (transparency == Transparency::kTransparent) {
    const int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    const int option = family == AF_INET6 ? kIpv6Transparent : kIpTransparent;
    if (::setsockopt(socket.get(), level, option, &on, sizeof on) != 0) {
      return FailErrno(errno, fmt::format("transparent listener '{}'", shown));
    }
  }
  if (::bind(socket.get(), address, size) != 0) {
    return FailErrno(errno, fmt::format("bind '{}'", shown));
  }
  if (::listen(socket.get(), kBacklog) != 0) {
    return FailErrno(errno, fmt::format("listen '{}'", shown));
  }
  return socket;
}

Result<Fd> ListenV4(std::uint16_t port, Transparency transparency, in_addr_t at = INADDR_LOOPBACK) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(at);
  return Listen(reinterpret_cast<const sockaddr*>(&address), sizeof address, transparency,
                fmt::format("{}:{}", at == INADDR_ANY ? "0.0.0.0" : "127.0.0.1", port));
}

Result<Fd> ListenV6(std::uint16_t port, Transparency transparency,
                    const in6_addr& at = in6addr_loopback) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = at;
  return Listen(reinterpret_cast<const sockaddr*>(&address), sizeof address, transparency,
                fmt::format("[{}]:{}", &at == &in6addr_any ? "::" : "::1", port));
}

/// What tells the one socket that may connect to a listener at kMintPort from those of programs
/// inside, which have no right to mark packets (SO_MARK in socket(7)).
constexpr std::uint32_t kMintMark = 0x616d6269;

/// Programs inside can neither reach the listener nor fill its queue.
Status LetOnlyMarkedIn(int listener) {
  std::array<sock_filter, 4> program = {{
      {.code = BPF_LD | BPF_W | BPF_ABS,
       .jt = 0,
       .jf = 0,
       .k = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_MARK)},
      {.code = BPF_JMP | BPF_JEQ | BPF_K, .jt = 0, .jf = 1, .k = kMintMark},
      {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = UINT32_MAX},
      {.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0},
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  if (::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) {
    return FailErrno(errno, "filter of the listener for published ports");
  }
  return {};
}

Status MakeMint(int family, Result<Fd> listener, std::vector<Fd>& mint) {
  if (!listener) return std::unexpected(std::move(listener).error());
  AMBIT_CHECK(LetOnlyMarkedIn(listener->get()));
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!socket) return FailErrno(errno, "socket for published ports");
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_MARK, &kMintMark, sizeof kMintMark) != 0) {
    return FailErrno(errno, "mark of the socket for published ports");
  }
  mint.push_back(*std::move(listener));
  mint.push_back(std::move(socket));
  return {};
}

/// Where names are asked for over UDP. Each message tells which address it was sent to, and the
/// reply may have any source: one socket answers for all resolvers of the world.
Result<Fd> ServeNamesOverUdp(int family) {
  Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!socket) return FailErrno(errno, "socket for names");
  const bool v6 = family == AF_INET6;
  const auto on = [&](int option) {
    const int yes = 1;
    return ::setsockopt(socket.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, option, &yes, sizeof yes) ==
           0;
  };
  if ((v6 && !on(IPV6_V6ONLY)) || !on(v6 ? kIpv6Transparent : kIpTransparent) ||
      !on(v6 ? kIpv6OriginalTarget : kIpOriginalTarget)) {
    return FailErrno(errno, "options of the socket for names");
  }
  sockaddr_in v4_address{};
  v4_address.sin_family = AF_INET;
  v4_address.sin_port = htons(plan::kNamePort);
  v4_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6_address{};
  v6_address.sin6_family = AF_INET6;
  v6_address.sin6_port = htons(plan::kNamePort);
  v6_address.sin6_addr = in6addr_loopback;
  const int bound =
      v6 ? ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&v6_address), sizeof v6_address)
         : ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&v4_address), sizeof v4_address);
  if (bound != 0) return FailErrno(errno, v6 ? "bind 'udp [::1]:53'" : "bind 'udp 127.0.0.1:53'");
  return socket;
}

Status ServeNames(NetworkSockets& sockets, bool with_ipv6) {
  using enum Transparency;
  AMBIT_TRY(Fd udp, ServeNamesOverUdp(AF_INET));
  AMBIT_TRY(Fd tcp, ListenV4(plan::kNamePort, kTransparent));
  sockets.names.push_back(std::move(udp));
  sockets.names.push_back(std::move(tcp));
  if (!with_ipv6) return {};
  AMBIT_TRY(udp, ServeNamesOverUdp(AF_INET6));
  AMBIT_TRY(tcp, ListenV6(plan::kNamePort, kTransparent));
  sockets.names.push_back(std::move(udp));
  sockets.names.push_back(std::move(tcp));
  return {};
}

/// False on kernels started with ipv6.disable=1, and nowhere else.
bool KernelHasIpv6() {
  const Fd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  return probe || errno != EAFNOSUPPORT;
}

constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK;

rtmsg LocalDefaultRoute(std::uint8_t family, std::uint8_t scope) {
  rtmsg route{};
  route.rtm_family = family;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = scope;
  route.rtm_type = RTN_LOCAL;
  return route;
}

void WriteAddressesAndRoutes(sys::NetlinkBatch& batch, bool with_ipv6) {
  ifinfomsg link{};
  link.ifi_family = AF_UNSPEC;
  link.ifi_index = kLoopbackIndex;
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  batch.Begin("link lo up", RTM_NEWLINK, NLM_F_ACK, link);

  const auto own = std::as_bytes(std::span(plan::kOwnAddress));
  ifaddrmsg address{};
  address.ifa_family = AF_INET;
  address.ifa_prefixlen = 32;
  address.ifa_scope = RT_SCOPE_UNIVERSE;
  address.ifa_index = kLoopbackIndex;
  batch.Begin("address on lo", RTM_NEWADDR, kCreate, address);
  batch.Put(IFA_LOCAL, own);
  batch.Put(IFA_ADDRESS, own);

  // With a preferred source, programs that look up their own address by a connected UDP socket
  // learn it; otherwise they would see the peer's, because that is local too.
  batch.Begin("IPv4 local default route", RTM_NEWROUTE, kCreate,
              LocalDefaultRoute(AF_INET, RT_SCOPE_HOST));
  batch.PutNative<std::uint32_t>(RTA_OIF, kLoopbackIndex);
  batch.Put(RTA_PREFSRC, own);
  if (!with_ipv6) return;

  batch.Begin("IPv6 local default route", RTM_NEWROUTE, kCreate,
              LocalDefaultRoute(AF_INET6, RT_SCOPE_UNIVERSE));
  batch.PutNative<std::uint32_t>(RTA_OIF, kLoopbackIndex);
}

Status ApplyAddressesAndRoutes(bool with_ipv6) {
  sys::NetlinkBatch batch;
  WriteAddressesAndRoutes(batch, with_ipv6);
  AMBIT_TRY(const Fd socket, sys::OpenNetlink(NETLINK_ROUTE));
  if (auto sent = sys::SendBatch(socket.get(), batch); !sent) {
    return std::unexpected(sys::ToError(sent.error()));
  }
  return {};
}

Status ApplyCaptureRules(const plan::NetworkPlan& plan, policy::Capture capture, bool with_ipv6) {
  sys::NetlinkBatch batch;
  WriteCaptureRules(batch, plan, capture, with_ipv6);
  auto socket = sys::OpenNetlink(NETLINK_NETFILTER);
  if (!socket) {
    socket.error().remedy = "modprobe nf_tables";
    return std::unexpected(std::move(socket).error());
  }
  if (auto sent = sys::SendBatch(socket->get(), batch); !sent) {
    return std::unexpected(ExplainNftFailure(sent.error()));
  }
  return {};
}

/// A socket on which the kernel tells of what it refuses; empty where it cannot: it refuses as
/// well.
Fd HearOfRefused(const plan::NetworkPlan& plan, policy::Capture capture, bool with_ipv6) {
  if (plan::ChainsOf(capture).empty()) return {};
  sys::NetlinkBatch group;
  WriteLogGroup(group);
  sys::NetlinkBatch rules;
  WriteTellingRules(rules, plan, capture, with_ipv6);
  auto told = sys::OpenNetlink(NETLINK_NETFILTER);
  if (!told || !sys::SendBatch(told->get(), group)) return {};
  const auto socket = sys::OpenNetlink(NETLINK_NETFILTER);
  if (!socket || !sys::SendBatch(socket->get(), rules)) return {};
  if (::fcntl(told->get(), F_SETFL, O_NONBLOCK) != 0) return {};
  return *std::move(told);
}

/// What the plan says, or the first that the kernel has.
Result<policy::Capture> StartCapturing(const plan::NetworkPlan& plan, bool with_ipv6) {
  const auto apply = [&](policy::Capture capture) {
    return ApplyCaptureRules(plan, capture, with_ipv6);
  };
  if (plan.capture == policy::Capture::kAuto) return FirstThatStands(plan, apply);
  if (plan.capture != policy::Capture::kPorts) AMBIT_CHECK(apply(plan.capture));
  return plan.capture;
}

Status ListenForCaptured(const plan::NetworkPlan& plan, bool with_ipv6, NetworkSockets& sockets) {
  if (sockets.capture == policy::Capture::kPorts) {
    for (const std::uint16_t port : policy::PortsOf(plan.rules)) {
      AMBIT_TRY(Fd v4, ListenV4(port, Transparency::kOrdinary, INADDR_ANY));
      sockets.capture_ports.push_back(std::move(v4));
      if (!with_ipv6) continue;
      AMBIT_TRY(Fd v6, ListenV6(port, Transparency::kOrdinary, in6addr_any));
      sockets.capture_ports.push_back(std::move(v6));
    }
    return {};
  }
  const auto transparency = sockets.capture == policy::Capture::kTproxy ? Transparency::kTransparent
                                                                        : Transparency::kOrdinary;
  AMBIT_TRY(sockets.capture_v4, ListenV4(plan.capture_port, transparency));
  if (with_ipv6) {
    AMBIT_TRY(sockets.capture_v6, ListenV6(plan.capture_port, transparency));
  }
  return {};
}

/// Where a listener on every address has the port already, it serves the host port as well.
Status ListenForHostPorts(const plan::NetworkPlan& plan, bool with_ipv6, NetworkSockets& sockets) {
  const auto captured = sockets.capture == policy::Capture::kPorts ? policy::PortsOf(plan.rules)
                                                                   : std::vector<std::uint16_t>();
  for (const std::uint16_t port : plan.host_ports) {
    if (std::ranges::find(captured, port) != captured.end()) continue;
    AMBIT_TRY(Fd v4, ListenV4(port, Transparency::kOrdinary));
    sockets.host_ports.push_back(std::move(v4));
    if (!with_ipv6) continue;
    AMBIT_TRY(Fd v6, ListenV6(port, Transparency::kOrdinary));
    sockets.host_ports.push_back(std::move(v6));
  }
  return {};
}

/// True when ports below 1024 are open to everybody inside afterwards.
bool OpenLowPorts(int proc_fd) {
  const char* const path = proc_fd < 0 ? "/proc/sys/net/ipv4/ip_unprivileged_port_start"
                                       : "sys/net/ipv4/ip_unprivileged_port_start";
  const Fd file(::openat(proc_fd < 0 ? AT_FDCWD : proc_fd, path, O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), "0", 1) == 1;
}

}  // namespace

Error ExplainNftFailure(const sys::NetlinkFailure& failure) {
  Error error = sys::ToError(failure);
  const std::string_view message = failure.message;
  // An expression the kernel does not know is ENOENT; one that its address family cannot have is
  // EOPNOTSUPP or EAFNOSUPPORT (net/netfilter/nft_tproxy.c).
  const bool missing = failure.sys_errno == ENOENT || failure.sys_errno == EOPNOTSUPP ||
                       failure.sys_errno == EAFNOSUPPORT;
  if (!missing) return error;
  error.code = Errc::kUnsupported;
  if (message == kTproxyRuleV4 || message == kTproxyRuleV6) {
    error.what = fmt::format("the kernel lacks nft tproxy: {}", error.what);
    error.remedy = "modprobe nft_tproxy, or use --capture auto";
  } else if (message == kRedirectRule || message == kNatChain) {
    error.what = fmt::format("the kernel lacks nft redirect: {}", error.what);
    error.remedy = "modprobe nft_redir nft_chain_nat, or use --capture auto";
  } else {
    error.what = fmt::format("the kernel lacks nf_tables: {}", error.what);
    error.remedy = "modprobe nf_tables";
  }
  return error;
}

Result<policy::Capture> FirstThatStands(const plan::NetworkPlan& plan,
                                        const std::function<Status(policy::Capture)>& apply) {
  using policy::Capture;
  Error missing;
  for (const Capture capture : {Capture::kTproxy, Capture::kRedirect}) {
    Status applied = apply(capture);
    if (applied) return capture;
    missing = std::move(applied).error();
    if (missing.code != Errc::kUnsupported) return std::unexpected(std::move(missing));
  }
  if (Status served = plan::ValidateForPorts(plan); !served) {
    missing.what += fmt::format("; and {}", served.error().what);
    return std::unexpected(std::move(missing));
  }
  return Capture::kPorts;
}

Result<NetworkSockets> BuildNetwork(const plan::NetworkPlan& plan, int proc_fd) {
  using enum Transparency;
  AMBIT_CHECK(plan::Validate(plan));
  const bool with_ipv6 = KernelHasIpv6();
  AMBIT_CHECK(ApplyAddressesAndRoutes(with_ipv6));

  NetworkSockets sockets;
  AMBIT_TRY(sockets.capture, StartCapturing(plan, with_ipv6));
  AMBIT_CHECK(ListenForCaptured(plan, with_ipv6, sockets));
  AMBIT_CHECK(MakeMint(AF_INET, ListenV4(plan::kMintPort, kOrdinary), sockets.mint));
  if (with_ipv6) {
    AMBIT_CHECK(MakeMint(AF_INET6, ListenV6(plan::kMintPort, kOrdinary), sockets.mint));
  }
  if (plan.HasNames()) {
    AMBIT_CHECK(ServeNames(sockets, with_ipv6));
  }
  AMBIT_CHECK(ListenForHostPorts(plan, with_ipv6, sockets));
  sockets.refused = HearOfRefused(plan, sockets.capture, with_ipv6);
  // Last: the listeners below 1024 are ours by then.
  sockets.low_ports_open = OpenLowPorts(proc_fd);
  return sockets;
}

Status SendListeners(int socket, const NetworkSockets& sockets) {
  std::vector<int> raw;
  for (const Fd* one : {&sockets.capture_v4, &sockets.capture_v6, &sockets.refused}) {
    if (*one) raw.push_back(one->get());
  }
  for (const std::vector<Fd>* several :
       {&sockets.names, &sockets.capture_ports, &sockets.mint, &sockets.host_ports}) {
    for (const Fd& one : *several) raw.push_back(one.get());
  }
  if (raw.size() > plan::kMostSockets) {
    return Fail(Errc::kInternal, "more listeners than the plan allows");
  }
  const std::array greeting = {plan::kSocketsGreeting,
                               std::byte{static_cast<unsigned char>(sockets.capture)}};
  return sys::SendFds(socket, greeting, raw);
}

}  // namespace ambit::spawn
