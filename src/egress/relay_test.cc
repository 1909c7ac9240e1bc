// What egress_test cannot ask of a process of its own: limits that are smaller.
#include "egress/relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace ambit::egress {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A relay of one captured port, which refuses whoever comes: nobody has a name.
class RelayTest : public ::testing::Test {
 protected:
  RelayTest() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    control_.assign(pair[0]);
    supervisor_ = Fd(pair[1]);
    listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    address_.sin_family = AF_INET;
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(listener_.get(), Address(), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    EXPECT_EQ(::getsockname(listener_.get(), Address(), &size), 0);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ~RelayTest() override {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void Serve(const RelayLimits& limits) {
    relay_.emplace(loop_, reporter_, repeats_, limits, std::nullopt);
    plan::NetworkPlan plan;
    plan.capture = policy::Capture::kPorts;
    policy::NetRule rule;
    rule.name = *HostName::Parse("example.com");
    rule.port = ntohs(address_.sin_port);
    plan.rules.allow.push_back(rule);
    std::vector<Fd> listeners;
    listeners.push_back(std::move(listener_));
    ASSERT_TRUE(relay_->Serve(std::move(listeners), plan));
    thread_ = std::thread([this] { loop_.run(); });
  }

  /// Until it is refused.
  void ConnectOnce() {
    const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(client.get(), Address(), sizeof address_), 0);
    char byte = 0;
    EXPECT_LE(::recv(client.get(), &byte, 1, 0), 0);
  }

  int Reported(ReportKind kind) const {
    int count = 0;
    EgressReport report;
    while (::recv(supervisor_.get(), &report, sizeof report, MSG_DONTWAIT) == sizeof report) {
      if (report.kind == kind) ++count;
    }
    return count;
  }

  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }

  asio::io_context loop_{1};
  Descriptor control_{loop_};
  Reporter reporter_{control_};
  Repeats repeats_{loop_, reporter_};
  Fd supervisor_;
  Fd listener_;
  sockaddr_in address_{};
  std::optional<Relay> relay_;
  std::thread thread_;
};

TEST_F(RelayTest, NewConnectionsBeyondTheRateWaitAndAreTold) {
  RelayLimits limits;
  limits.new_at_once = 3;
  limits.new_per_second = 20;
  Serve(limits);
  const auto start = steady_clock::now();
  for (int i = 0; i < 9; ++i) ConnectOnce();
  EXPECT_GE(steady_clock::now() - start, milliseconds(6 * 50 - 20));
  EXPECT_EQ(Reported(ReportKind::kSlowed), 1) << "once a second at most";
}

TEST_F(RelayTest, NewConnectionsWithinTheRateAreNotHeldUp) {
  Serve({});
  for (int i = 0; i < 9; ++i) ConnectOnce();
  EXPECT_EQ(Reported(ReportKind::kSlowed), 0);
}

}  // namespace
}  // namespace ambit::egress
