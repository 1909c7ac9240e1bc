#include "spawn/native/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>
#include <tuple>

#include "spawn/native/network_for_test.h"
#include "sys/fd_passing.h"
#include "sys/new_network_for_test.h"

namespace ambit::spawn {
namespace {

template <class Header>
int ErrnoOfRoute(std::uint16_t type, const Header& header) {
  sys::NetlinkBatch batch;
  batch.Begin("change", type, NLM_F_CREATE | NLM_F_ACK, header);
  if (type == RTM_NEWROUTE) batch.PutNative<std::uint32_t>(RTA_OIF, 1);
  const auto socket = sys::OpenNetlink(NETLINK_ROUTE);
  if (!socket) return socket.error().sys_errno;
  const auto sent = sys::SendBatch(socket->get(), batch);
  return sent ? 0 : sent.error().sys_errno;
}

int TakeLoopbackDown() {
  ifinfomsg link{};
  link.ifi_index = 1;
  link.ifi_change = IFF_UP;
  return ErrnoOfRoute(RTM_NEWLINK, link);
}

int AddRoute() {
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_dst_len = 0;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_STATIC;
  route.rtm_scope = RT_SCOPE_LINK;
  route.rtm_type = RTN_UNICAST;
  return ErrnoOfRoute(RTM_NEWROUTE, route);
}

TEST(BuildNetwork, ForeignTcpIsRefusedAtOnce) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    ExpectRefusedAtOnce("8.8.8.8", 443);
    ExpectRefusedAtOnce("2001:4860:4860::8888", 443);
    ExpectRefusedAtOnce("169.254.169.254", 80);
    ExpectRefusedAtOnce("10.0.0.1", 22);
    ExpectRefusedAtOnce("198.19.255.1", 443);
  });
}

// The control of the test above: without routes the kernel says something else.
TEST(BuildNetwork, IsWhatMakesForeignAddressesAnswer) {
  InNewNetwork([] { EXPECT_EQ(Connect(At("8.8.8.8", 443)).error, ENETUNREACH); });
}

TEST(BuildNetwork, ConnectedUdpLearnsThatNobodyListens) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    for (const char* ip : {"8.8.8.8", "2001:4860:4860::8888", "127.0.0.1", "::1"}) {
      const Attempt attempt = Connect(At(ip, 53), SOCK_DGRAM);
      ASSERT_EQ(attempt.error, 0) << ip;
      const char byte = 0;
      ASSERT_EQ(::send(attempt.socket.get(), &byte, 1, 0), 1) << ip << ": " << strerror(errno);
      char answer = 0;
      EXPECT_EQ(::recv(attempt.socket.get(), &answer, 1, MSG_DONTWAIT), -1);
      EXPECT_EQ(errno, ECONNREFUSED) << ip;
    }
    ExpectRefusedAtOnce("127.0.0.1", 53);
  });
}

TEST(BuildNetwork, ProgramsLearnTheRunsOwnAddressFromAConnectedSocket) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    const Attempt attempt = Connect(At("8.8.8.8", 53), SOCK_DGRAM);
    EXPECT_TRUE(Shown(LocalEndOf(attempt.socket.get())).starts_with("198.19.255.1:"));
  });
}

TEST(BuildNetwork, OwnServersAreReachableOnEveryKindOfAddress) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    DropCapabilities();
    struct Case {
      const char* bound;
      std::vector<const char*> reached_by;
    };
    const std::vector<Case> cases = {
        {"127.0.0.1", {"127.0.0.1"}},
        {"0.0.0.0", {"127.0.0.1", "127.0.0.2", "127.0.1.1", "198.19.255.1"}},
        {"::1", {"::1"}},
        {"::", {"::1", "127.0.0.1", "198.19.255.1"}},
    };
    for (const Case& one : cases) {
      const Fd listener = ListenAt(At(one.bound, 0));
      ASSERT_TRUE(listener) << one.bound;
      const std::uint16_t port = PortOf(LocalEndOf(listener.get()));
      for (const char* ip : one.reached_by) {
        EXPECT_EQ(Connect(At(ip, port)).error, 0) << one.bound << " by " << ip;
        EXPECT_TRUE(AcceptWithin(listener.get(), std::chrono::seconds(2)));
      }
    }
  });
}

TEST(BuildNetwork, ServersInsideMayUsePort80) {
  InBuiltNetwork({}, [](const NetworkSockets& sockets) {
    EXPECT_TRUE(sockets.low_ports_open);
    DropCapabilities();
    const Fd listener = ListenAt(At("0.0.0.0", 80));
    ASSERT_TRUE(listener) << strerror(errno);
    EXPECT_EQ(Connect(At("127.0.0.1", 80)).error, 0);
  });
}

TEST(BuildNetwork, SaysWhenItCouldNotOpenLowPorts) {
  InNewNetwork([] {
    const Fd empty_directory(::open("/tmp", O_DIRECTORY | O_CLOEXEC));
    const auto sockets = BuildNetwork({}, empty_directory.get());
    ASSERT_TRUE(sockets) << sockets.error().what;
    EXPECT_FALSE(sockets->low_ports_open);
    DropCapabilities();
    EXPECT_FALSE(ListenAt(At("0.0.0.0", 80)));
    EXPECT_EQ(errno, EACCES);
  });
}

TEST(BuildNetwork, NobodyInsideCanBindBesideTheListeners) {
  InBuiltNetwork({.host_ports = {8080}}, [](const NetworkSockets&) {
    DropCapabilities();
    for (const char* ip : {"0.0.0.0", "127.0.0.1", "::", "::1"}) {
      for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{8080}}) {
        const Endpoint where = At(ip, port);
        const Fd socket(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
        ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
        EXPECT_NE(::bind(socket.get(), where.get(), where.size), 0) << ip << " " << port;
        EXPECT_EQ(errno, EADDRINUSE) << ip << " " << port;
      }
    }
  });
}

TEST(BuildNetwork, WithoutCapabilitiesNothingCanBeChanged) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    DropCapabilities();
    EXPECT_EQ(AllowPort(443), EPERM);
    EXPECT_EQ(DeleteTable(), EPERM);
    EXPECT_EQ(AddRoute(), EPERM);
    EXPECT_EQ(TakeLoopbackDown(), EPERM);
  });
}

// The control of the test above: with capabilities the same calls work.
TEST(BuildNetwork, WithCapabilitiesTheSameChangesWork) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    EXPECT_EQ(AllowPort(443), 0);
    EXPECT_EQ(DeleteTable(), 0);
    EXPECT_EQ(AddRoute(), 0);
    EXPECT_EQ(TakeLoopbackDown(), 0);
  });
}

void AddGlobalIpv6ToLoopback() {
  ifaddrmsg address{};
  address.ifa_family = AF_INET6;
  address.ifa_prefixlen = 128;
  address.ifa_flags = IFA_F_NODAD;
  address.ifa_index = 1;
  in6_addr ula{};
  ASSERT_EQ(::inet_pton(AF_INET6, "fd00:1234::1", &ula), 1);
  sys::NetlinkBatch batch;
  batch.Begin("ula", RTM_NEWADDR, NLM_F_CREATE | NLM_F_ACK, address);
  batch.Put(IFA_LOCAL, std::as_bytes(std::span(&ula, 1)));
  const auto socket = sys::OpenNetlink(NETLINK_ROUTE);
  ASSERT_TRUE(socket);
  ASSERT_TRUE(sys::SendBatch(socket->get(), batch));
}

TEST(BuildNetwork, APortInTheSetIsCapturedWithItsTargetKept) {
  InBuiltNetwork({}, [](const NetworkSockets& sockets) {
    ExpectRefusedAtOnce("203.0.113.7", 443);
    ASSERT_EQ(AllowPort(443), 0);
    DropCapabilities();
    ExpectCaptured(sockets.capture_v4.get(), "203.0.113.7");
    ExpectCaptured(sockets.capture_v6.get(), "2001:db8::7");
    ExpectRefusedAtOnce("203.0.113.7", 444);
    ExpectRefusedAtOnce("2001:db8::7", 444);
    for (const char* own : {"127.0.0.1", "127.0.0.2", "::1", "198.19.255.1"}) {
      ExpectRefusedAtOnce(own, 443);
    }
    // A server inside that claims the foreign address does not get its connections.
    const Fd claimed = ListenAt(At("203.0.113.8", 443));
    ASSERT_TRUE(claimed);
    ExpectCaptured(sockets.capture_v4.get(), "203.0.113.8");
  });
}

plan::NetworkPlan WithNames() {
  return {.rules = {.allow = {*policy::ParseNetRule("example.com", "test")}, .deny = {}}};
}

TEST(BuildNetwork, QuestionsToAnyResolverReachTheOneOfTheRun) {
  InBuiltNetwork(WithNames(), [](const NetworkSockets& sockets) {
    ASSERT_EQ(sockets.names.size(), 4U);
    DropCapabilities();
    for (const auto& [ip, udp, tcp] :
         {std::tuple{"8.8.8.8", 0U, 1U}, std::tuple{"2001:db8::8", 2U, 3U},
          std::tuple{"127.0.0.1", 0U, 1U}, std::tuple{"::1", 2U, 3U}}) {
      const Attempt asking = Connect(At(ip, 53), SOCK_DGRAM);
      ASSERT_EQ(::send(asking.socket.get(), "?", 1, 0), 1);
      pollfd waiting{.fd = sockets.names[udp].get(), .events = POLLIN, .revents = 0};
      EXPECT_EQ(::poll(&waiting, 1, 2000), 1) << ip;
      char byte = 0;
      EXPECT_EQ(::recv(sockets.names[udp].get(), &byte, 1, 0), 1) << ip;
      const Attempt by_tcp = Connect(At(ip, 53));
      EXPECT_EQ(by_tcp.error, 0) << ip;
      const Fd accepted = AcceptWithin(sockets.names[tcp].get(), std::chrono::seconds(2));
      ASSERT_TRUE(accepted) << ip;
      EXPECT_EQ(Shown(LocalEndOf(accepted.get())), Shown(At(ip, 53)));
    }
  });
}

// The control: a run without names answers no resolver.
TEST(BuildNetwork, WithoutNamesQuestionsAreRefusedAtOnce) {
  InBuiltNetwork({}, [](const NetworkSockets& sockets) {
    EXPECT_TRUE(sockets.names.empty());
    ExpectRefusedAtOnce("8.8.8.8", 53);
  });
}

TEST(BuildNetwork, TheKernelTellsOfPortsThatItRefuses) {
  InBuiltNetwork(WithNames(), [](const NetworkSockets& sockets) {
    ASSERT_TRUE(sockets.refused);
    DropCapabilities();
    const auto told = [&](std::chrono::milliseconds limit) {
      pollfd waiting{.fd = sockets.refused.get(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, static_cast<int>(limit.count())) != 1) return false;
      std::array<char, 4096> message{};
      return ::recv(sockets.refused.get(), message.data(), message.size(), 0) > 0;
    };
    for (const char* ip : {"203.0.113.7", "2001:db8::7"}) {
      ExpectRefusedAtOnce(ip, 8080);
      EXPECT_TRUE(told(std::chrono::seconds(2))) << ip;
    }
    ExpectCaptured(sockets.capture_v4.get(), "203.0.113.7");  // port 443
    ExpectRefusedAtOnce("127.0.0.1", 8080);
    EXPECT_FALSE(told(std::chrono::milliseconds(50)));
    constexpr int kMany = 2000;
    int count = 0;
    for (int n = 0; n < kMany; ++n) (void)Connect(At("203.0.113.7", 8080));
    while (told(std::chrono::milliseconds(0))) ++count;
    EXPECT_GT(count, 0);
    EXPECT_LT(count, kMany / 2) << "nobody bounds what the kernel tells";
  });
}

TEST(BuildNetwork, CaptureSurvivesAGlobalIpv6AddressOnLoopback) {
  InBuiltNetwork({}, [](const NetworkSockets& sockets) {
    AddGlobalIpv6ToLoopback();
    ASSERT_EQ(AllowPort(443), 0);
    ExpectCaptured(sockets.capture_v6.get(), "2001:db8::7");
  });
}

TEST(BuildNetwork, PingOfForeignAddressesDoesNotLie) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    constexpr std::chrono::milliseconds kLimit(200);
    EXPECT_TRUE(Answers(kPingV4, "127.0.0.1", kLimit));
    EXPECT_TRUE(Answers(kPingV4, "198.19.255.1", kLimit));
    EXPECT_TRUE(Answers(kPingV6, "::1", kLimit));
    EXPECT_FALSE(Answers(kPingV4, "8.8.8.8", kLimit));
    EXPECT_FALSE(Answers(kPingV6, "2001:4860:4860::8888", kLimit));
    // Control: without the table the own kernel answers for the whole world.
    ASSERT_EQ(DeleteTable(), 0);
    EXPECT_TRUE(Answers(kPingV4, "8.8.8.8", kLimit));
    EXPECT_TRUE(Answers(kPingV6, "2001:4860:4860::8888", kLimit));
  });
}

TEST(BuildNetwork, ListenersAreNonBlockingCloseOnExecAndArriveOutside) {
  InBuiltNetwork({.host_ports = {8080, 5432}}, [](const NetworkSockets& sockets) {
    const auto pair = sys::MakeSeqpacketPair();
    ASSERT_TRUE(pair);
    ASSERT_TRUE(SendListeners(pair->first.get(), sockets));
    std::array<std::byte, 8> buffer{};
    std::array<Fd, 16> fds;
    const auto got = sys::ReceiveFds(pair->second.get(), buffer, fds);
    ASSERT_TRUE(got);
    const std::vector<std::string> expected = {
        "127.0.0.1:1", "[::1]:1",        "",           "127.0.0.1:2",    "0.0.0.0:0", "[::1]:2",
        "[::]:0",      "127.0.0.1:8080", "[::1]:8080", "127.0.0.1:5432", "[::1]:5432"};
    ASSERT_EQ(got->fds, expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const Endpoint end = LocalEndOf(fds[i].get());
      EXPECT_EQ(end.family() == AF_NETLINK ? "" : Shown(end), expected[i]);
      EXPECT_EQ(::fcntl(fds[i].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
      EXPECT_EQ(::fcntl(fds[i].get(), F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    }
  });
}

TEST(BuildNetwork, RefusesAPlanThatCannotBe) {
  const auto sockets = BuildNetwork({.host_ports = {80, 80}}, -1);
  ASSERT_FALSE(sockets);
  EXPECT_EQ(sockets.error().code, Errc::kInvalidArgument);
}

TEST(BuildNetwork, NamesWhatFailedWhenItHasNoPrivilege) {
  InNewNetwork([] {
    DropCapabilities();
    const auto sockets = BuildNetwork({}, -1);
    ASSERT_FALSE(sockets);
    EXPECT_EQ(sockets.error().code, Errc::kDenied);
    EXPECT_NE(sockets.error().what.find("link lo up"), std::string::npos) << sockets.error().what;
  });
}

/// Makes socket(AF_INET6) fail as on a kernel started with ipv6.disable=1.
void TakeIpv6Away() {
  std::array filter = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{.len = filter.size(), .filter = filter.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST(BuildNetwork, DoesWithoutIpv6WhereTheKernelHasNone) {
  InNewNetwork([] {
    TakeIpv6Away();
    const auto sockets = BuildNetwork({.host_ports = {8080}}, -1);
    ASSERT_TRUE(sockets) << sockets.error().what;
    EXPECT_FALSE(sockets->capture_v6);
    EXPECT_EQ(sockets->host_ports.size(), 1U);
    ASSERT_EQ(AllowPort(443), 0);
    ExpectCaptured(sockets->capture_v4.get(), "203.0.113.7");
  });
}

// The kernel at hand has tproxy, so the answer comes from an expression that no kernel has.
TEST(ExplainNftFailure, AKernelThatLacksTproxyIsUnsupportedWithARemedy) {
  InBuiltNetwork({}, [](const NetworkSockets&) {
    const int error =
        ErrnoOfNft(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, [](sys::NetlinkBatch& batch) {
          batch.PutText(NFTA_RULE_TABLE, plan::kNftTable);
          batch.PutText(NFTA_RULE_CHAIN, plan::kNftChain);
          batch.Nested(NFTA_RULE_EXPRESSIONS, [&] {
            batch.Nested(NFTA_LIST_ELEM, [&] {
              batch.PutText(NFTA_EXPR_NAME, "tproxyless");
              batch.Nested(NFTA_EXPR_DATA, [] {});
            });
          });
        });
    ASSERT_EQ(error, ENOENT);
    const Error explained =
        ExplainNftFailure({.message = kTproxyRuleV4, .sys_errno = error, .kernel_says = {}});
    EXPECT_EQ(explained.code, Errc::kUnsupported);
    EXPECT_NE(explained.what.find("nft tproxy"), std::string::npos);
    EXPECT_EQ(explained.remedy, "modprobe nft_tproxy, or use --capture auto");
  });
}

TEST(ExplainNftFailure, LeavesOtherFailuresAsTheyAre) {
  const Error denied =
      ExplainNftFailure({.message = kTproxyRuleV4, .sys_errno = EPERM, .kernel_says = {}});
  EXPECT_EQ(denied.code, Errc::kDenied);
  EXPECT_TRUE(denied.remedy.empty());
}

}  // namespace
}  // namespace ambit::spawn
