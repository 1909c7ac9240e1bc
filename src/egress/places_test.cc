// How many connections a real egress process carries at once, and what they hold.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <string>
#include <vector>

#include "egress/egress_for_test.h"
#include "egress/order.h"
#include "egress/relay.h"

namespace ambit::egress {
namespace {

TEST(Places, RefusesConnectionsBeyondItsLimitAndRecovers) {
  const HostServer server = Serve(AF_INET, Echo);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
  ChildProcess scenario = Forked([&] {
    const rlimit few{.rlim_cur = 64, .rlim_max = 64};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    RunningEgress egress(PlanFor(server.port));
    const std::size_t limit = LimitsFor(64, 8).connections;
    ASSERT_GT(limit, 4U);
    ASSERT_LT(limit, 30U);
    egress.Inside([&] {
      std::vector<Fd> sockets;
      std::size_t served = 0;
      for (std::size_t i = 0; i < limit + 5; ++i) {
        Fd socket = ConnectLoopback(AF_INET, server.port);
        if (!socket) continue;
        char byte = 'x';
        if (::send(socket.get(), &byte, 1, MSG_NOSIGNAL) == 1 &&
            ::recv(socket.get(), &byte, 1, 0) == 1) {
          ++served;
        }
        sockets.push_back(std::move(socket));
      }
      EXPECT_EQ(served, limit);
      sockets.clear();
      ::usleep(100'000);
      EXPECT_EQ(AskAndReadAll(AF_INET, server.port, "again"), "again");
    });
    EXPECT_TRUE(egress.Next(ReportKind::kTooMany));
  });
  EXPECT_EQ(scenario.EndsWithin(std::chrono::seconds(60)), 0);
}

// What waits for a person has no place yet, and others may have taken all of them meanwhile.
TEST(Places, AnApprovalMakesNoMorePlacesThanThereAre) {
  const HostServer server = Serve(AF_INET, Echo);
  ChildProcess scenario = Forked([&] {
    const rlimit few{.rlim_cur = 80, .rlim_max = 80};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    RunningEgress egress({.host_ports = {server.port}, .rules = {.ask = true}});
    egress.Inside([&] {
      const Fd waits(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(80);
      ASSERT_EQ(::inet_pton(AF_INET, "10.255.255.1", &address.sin_addr), 1);
      ASSERT_EQ(::connect(waits.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                0);
      const auto held = egress.Next(ReportKind::kHeld);
      ASSERT_TRUE(held);
      std::vector<Fd> sockets;
      char byte = 'x';
      do {
        sockets.push_back(ConnectLoopback(AF_INET, server.port));
      } while (sockets.back() && ::send(sockets.back().get(), &byte, 1, MSG_NOSIGNAL) == 1 &&
               ::recv(sockets.back().get(), &byte, 1, 0) == 1);
      ASSERT_GT(sockets.size(), 3U);
      ASSERT_TRUE(
          SendOrder(egress.control().get(),
                    {.kind = OrderKind::kAnswer, .question = held->connection, .allowed = true}));
      auto refused = egress.Next(ReportKind::kTooMany);
      while (refused && refused->port != 80) refused = egress.Next(ReportKind::kTooMany);
      EXPECT_TRUE(refused);
    });
  });
  EXPECT_EQ(scenario.EndsWithin(std::chrono::seconds(60)), 0);
}

TEST(Places, DoesNotSpinWhenItRunsOutOfFiles) {
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port));
  auto turns = sys::MakeSeqpacketPair();
  ASSERT_TRUE(turns);
  const int inside_end = turns->first.get();
  const int outside_end = turns->second.get();
  // The limit is taken away from outside, because egress itself sees to it that this never happens.
  ChildProcess strangler = Forked([&] {
    const pid_t pid = egress.process().pid();
    // Its own id may change its limits; root needs a capability that containers often lack.
    if (::geteuid() == 0) {
      ASSERT_TRUE(BecomeEgress(RunningEgress::kIdentity));
    }
    char byte = 0;
    ASSERT_EQ(::recv(outside_end, &byte, 1, 0), 1);
    rlimit old{};
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, nullptr, &old), 0);
    const rlimit soft{.rlim_cur = 3, .rlim_max = old.rlim_max};
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &soft, nullptr), 0) << strerror(errno);
    ASSERT_EQ(::send(outside_end, "x", 1, 0), 1);
    const std::uint64_t before = CpuTicksOf(pid);
    ::usleep(600'000);
    EXPECT_LT(CpuTicksOf(pid) - before, static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)) / 10);
    ASSERT_EQ(::prlimit(pid, RLIMIT_NOFILE, &old, nullptr), 0);
  });
  egress.Inside([&] {
    EXPECT_EQ(AskAndReadAll(AF_INET, server.port, "before"), "before");
    ASSERT_EQ(::send(inside_end, "x", 1, 0), 1);
    char byte = 0;
    ASSERT_EQ(::recv(inside_end, &byte, 1, 0), 1);
    const auto start = steady_clock::now();
    EXPECT_EQ(AskAndReadAll(AF_INET, server.port, "after"), "after");
    EXPECT_GT(steady_clock::now() - start, milliseconds(300)) << "the limit did not bite";
  });
  EXPECT_EQ(strangler.EndsWithin(std::chrono::seconds(5)), 0);
  const auto paused = egress.Next(ReportKind::kAcceptFailed);
  ASSERT_TRUE(paused);
  EXPECT_EQ(paused->error, EMFILE);
}

TEST(Places, AClientThatHasGoneLeavesTheQueueOfAHostPort) {
  const FullPort full;
  RunningEgress egress(PlanFor(full.address.port));
  egress.Inside([&] {
    Fd socket = ConnectLoopback(AF_INET, full.address.port);
    ASSERT_TRUE(socket);
    CloseByReset(socket);
  });
  const auto failed = egress.Next(ReportKind::kUpstreamFailed);
  ASSERT_TRUE(failed) << "the kernel tries for two minutes";
  EXPECT_EQ(failed->error, ECANCELED);
}

TEST(Places, WhatIsBeingDialledWhenTheRunEndsIsOnRecord) {
  const FullPort full;
  RunningEgress egress(PlanFor(full.address.port));
  egress.Inside([&] {
    const Fd socket = ConnectLoopback(AF_INET, full.address.port);
    ASSERT_TRUE(socket);
    ASSERT_TRUE(egress.Next(ReportKind::kReady));
    ::usleep(100'000);
    ASSERT_EQ(::shutdown(egress.control().get(), SHUT_WR), 0);
    const auto failed = egress.Next(ReportKind::kUpstreamFailed);
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->error, ECANCELED);
  });
}

TEST(LimitsFor, KeepsRoomForListenersAndPipes) {
  EXPECT_EQ(LimitsFor(16'384, 130).connections, 4096U);
  EXPECT_EQ(LimitsFor(16'384, 130).pipes, 64U);
  EXPECT_GT(LimitsFor(4096, 130).connections, 1200U);
  EXPECT_EQ(LimitsFor(0, 130).connections, 0U);
  for (const std::size_t files : {20U, 64U, 256U, 1024U}) {
    const RelayLimits limits = LimitsFor(files, 4);
    EXPECT_LE(2 * limits.connections + 2 * limits.pipes + 4 + 16, files);
  }
}

}  // namespace
}  // namespace ambit::egress
