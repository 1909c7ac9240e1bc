// The ways to capture connections, and the way in for published ports, as a namespace has them.
#include "spawn/native/network_for_test.h"

namespace ambit::spawn {
namespace {

plan::NetworkPlan PlanWith(policy::Capture capture) {
  plan::NetworkPlan plan{.host_ports = {443, 8080}, .capture = capture};
  plan.rules.allow.push_back(*policy::ParseNetRule("203.0.113.0/24:443", "test"));
  plan.rules.allow.push_back(*policy::ParseNetRule("[2001:db8::/32]:443", "test"));
  return plan;
}

/// Where a redirected connection was bound for, as the kernel remembers it.
std::string OriginalOf(int socket, int family) {
  constexpr int kOriginalDestination = 80;  // of both families: SO_ORIGINAL_DST
  Endpoint target;
  target.size = sizeof target.storage;
  const int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  if (::getsockopt(socket, level, kOriginalDestination, &target.storage, &target.size) != 0) {
    return strerror(errno);
  }
  return Shown(target);
}

TEST(BuildNetwork, WithRedirectTheTargetIsWhatTheKernelRemembers) {
  InBuiltNetwork(PlanWith(policy::Capture::kRedirect), [](const NetworkSockets& sockets) {
    EXPECT_EQ(sockets.capture, policy::Capture::kRedirect);
    DropCapabilities();
    for (const char* ip : {"203.0.113.7", "2001:db8::7"}) {
      const Attempt attempt = Connect(At(ip, 443));
      EXPECT_EQ(attempt.error, 0) << ip;
      const int family = At(ip, 443).family();
      const Fd& listener = family == AF_INET ? sockets.capture_v4 : sockets.capture_v6;
      const Fd accepted = AcceptWithin(listener.get(), std::chrono::seconds(2));
      ASSERT_TRUE(accepted) << ip;
      EXPECT_EQ(OriginalOf(accepted.get(), family), Shown(At(ip, 443)));
    }
    ExpectRefusedAtOnce("203.0.113.7", 444);
    ExpectRefusedAtOnce("2001:db8::7", 444);
    for (const char* own : {"127.0.0.2", "198.19.255.1"}) ExpectRefusedAtOnce(own, 443);
    const Fd claimed = ListenAt(At("203.0.113.8", 443));
    ASSERT_TRUE(claimed);
    const Attempt attempt = Connect(At("203.0.113.8", 443));
    EXPECT_TRUE(AcceptWithin(sockets.capture_v4.get(), std::chrono::seconds(2)));
  });
}

TEST(BuildNetwork, PingDoesNotLieWithRedirectEither) {
  InBuiltNetwork(PlanWith(policy::Capture::kRedirect), [](const NetworkSockets&) {
    EXPECT_TRUE(Answers(kPingV4, "127.0.0.1", std::chrono::milliseconds(200)));
    EXPECT_FALSE(Answers(kPingV4, "8.8.8.8", std::chrono::milliseconds(200)));
  });
}

TEST(BuildNetwork, WithPortsEveryAddressOfAnAllowedPortIsListenedOn) {
  InBuiltNetwork(PlanWith(policy::Capture::kPorts), [](const NetworkSockets& sockets) {
    EXPECT_FALSE(sockets.capture_v4);
    ASSERT_EQ(sockets.capture_ports.size(), 2U);
    ASSERT_EQ(sockets.host_ports.size(), 2U) << "443 is served by the listener on every address";
    EXPECT_NE(DeleteTable(), 0) << "there is no table";
    DropCapabilities();
    ExpectCaptured(sockets.capture_ports[0].get(), "203.0.113.7");
    ExpectCaptured(sockets.capture_ports[1].get(), "2001:db8::7");
    ExpectRefusedAtOnce("203.0.113.7", 444);
    EXPECT_FALSE(ListenAt(At("203.0.113.8", 443))) << "nobody inside can stand in for a name";
    EXPECT_FALSE(ListenAt(At("127.0.0.1", 443)));
  });
}

/// Makes socket(AF_NETLINK, _, NETLINK_NETFILTER) fail as on a kernel without nf_tables.
void TakeNfTablesAway() {
  std::array filter = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 5),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 3),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_NETFILTER, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPROTONOSUPPORT),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {.len = filter.size(), .filter = filter.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

TEST(BuildNetwork, DoesWithoutNfTablesWhereTheKernelHasNone) {
  InNewNetwork([] {
    TakeNfTablesAway();
    const auto sockets = BuildNetwork(PlanWith(policy::Capture::kAuto), -1);
    ASSERT_TRUE(sockets) << sockets.error().what;
    EXPECT_EQ(sockets->capture, policy::Capture::kPorts);
    ExpectCaptured(sockets->capture_ports[0].get(), "203.0.113.7");
  });
  InNewNetwork([] {
    TakeNfTablesAway();
    const auto pinned = BuildNetwork(PlanWith(policy::Capture::kTproxy), -1);
    ASSERT_FALSE(pinned) << "what was asked for is not there";
    EXPECT_EQ(pinned.error().code, Errc::kUnsupported);
  });
  InNewNetwork([] {
    TakeNfTablesAway();
    plan::NetworkPlan names = PlanWith(policy::Capture::kAuto);
    names.rules.allow.push_back(*policy::ParseNetRule("198.51.100.1:53", "test"));
    const auto sockets = BuildNetwork(names, -1);
    ASSERT_FALSE(sockets);
    EXPECT_NE(sockets.error().what.find("'53' cannot be allowed"), std::string::npos);
  });
}

TEST(FirstThatStands, IsTheNextWhereTheKernelLacksOne) {
  using policy::Capture;
  std::vector<Capture> tried;
  const auto lacks = [&](std::vector<Capture> missing, int error) {
    return [&tried, missing, error](Capture capture) -> Status {
      tried.push_back(capture);
      if (std::ranges::find(missing, capture) == missing.end()) return {};
      const char* const message = capture == Capture::kTproxy ? kTproxyRuleV4 : kRedirectRule;
      return std::unexpected(
          ExplainNftFailure({.message = message, .sys_errno = error, .kernel_says = {}}));
    };
  };
  const plan::NetworkPlan plan = PlanWith(Capture::kAuto);
  EXPECT_EQ(FirstThatStands(plan, lacks({}, ENOENT)).value(), Capture::kTproxy);
  EXPECT_EQ(FirstThatStands(plan, lacks({Capture::kTproxy}, ENOENT)).value(), Capture::kRedirect);
  EXPECT_EQ(FirstThatStands(plan, lacks({Capture::kTproxy, Capture::kRedirect}, ENOENT)).value(),
            Capture::kPorts);
  tried.clear();
  EXPECT_FALSE(FirstThatStands(plan, lacks({Capture::kTproxy}, EPERM)))
      << "what is forbidden is not missing";
  EXPECT_EQ(tried.size(), 1U);
}

/// Connects the socket that may, and returns what comes out, as egress does.
Fd Minted(const NetworkSockets& sockets, std::size_t family) {
  const int listener = sockets.mint[2 * family].get();
  const int connector = sockets.mint[2 * family + 1].get();
  const Endpoint to = LocalEndOf(listener);
  if (::connect(connector, to.get(), to.size) != 0 && errno != EINPROGRESS) return {};
  Fd minted = AcceptWithin(listener, std::chrono::seconds(2));
  constexpr sockaddr kNobody{.sa_family = AF_UNSPEC, .sa_data = {}};
  EXPECT_EQ(::connect(connector, &kNobody, sizeof kNobody), 0);
  if (!minted) return {};
  const int off = 0;
  EXPECT_EQ(::setsockopt(minted.get(), SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof off), 0);
  EXPECT_EQ(::connect(minted.get(), &kNobody, sizeof kNobody), 0);
  return minted;
}

TEST(BuildNetwork, OnlyTheSocketThatMayGetsThroughToTheMint) {
  InBuiltNetwork({}, [](const NetworkSockets& sockets) {
    ASSERT_EQ(sockets.mint.size(), 4U);
    DropCapabilities();
    for (const auto& [family, ip] : {std::pair(0UZ, "127.0.0.1"), std::pair(1UZ, "::1")}) {
      const Fd server = ListenAt(At(ip, 3000));
      for (int i = 0; i < 3; ++i) {
        const Fd minted = Minted(sockets, family);
        ASSERT_TRUE(minted) << ip << " " << i;
        EXPECT_EQ(::connect(minted.get(), At(ip, 3000).get(), At(ip, 3000).size), 0)
            << ip << " " << strerror(errno);
      }
      // A program inside: no answer, and nothing in the queue.
      const Fd stranger(::socket(At(ip, 0).family(), SOCK_STREAM | SOCK_NONBLOCK, 0));
      const Endpoint to = At(ip, plan::kMintPort);
      EXPECT_EQ(::connect(stranger.get(), to.get(), to.size), -1);
      EXPECT_EQ(errno, EINPROGRESS);
      EXPECT_FALSE(AcceptWithin(sockets.mint[2 * family].get(), std::chrono::milliseconds(50)));
      const std::uint32_t mark = 0x616d6269;
      EXPECT_EQ(::setsockopt(stranger.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark), -1);
      EXPECT_EQ(errno, EPERM);
    }
  });
}

}  // namespace
}  // namespace ambit::spawn
