#pragma once
// Test support: a real egress process, a real network namespace that spawn built, and servers on
// the real loopback of the host. Everything runs in forked children of the test.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "egress/egress.h"
#include "egress/loopback_for_test.h"
#include "egress/report.h"
#include "spawn/native/network.h"
#include "sys/fd_passing.h"
#include "sys/new_network_for_test.h"

namespace ambit::egress {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Processor time, in ticks of sysconf(_SC_CLK_TCK).
inline std::uint64_t CpuTicksOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string field;
  std::uint64_t ticks = 0;
  for (int i = 1; i <= 15 && file >> field; ++i) {
    if (i >= 14) ticks += std::stoull(field);
  }
  return ticks;
}

/// A process of the test; killed and reaped at the end.
class ChildProcess {
 public:
  ChildProcess() = default;
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// The wait status, or -1 when the process is still there after `limit`.
  int EndsWithin(milliseconds limit) {
    const auto deadline = steady_clock::now() + limit;
    do {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return status;
      }
      ::usleep(2000);
    } while (steady_clock::now() < deadline);
    return -1;
  }

 private:
  pid_t pid_ = -1;
};

template <class Body>
ChildProcess Forked(Body body) {
  ::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    ::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  EXPECT_GT(pid, 0);
  return ChildProcess(pid);
}

/// Runs `serve(connection)` in a fork per connection.
template <class ServeOne>
ChildProcess ServeEach(Fd listener, ServeOne serve) {
  return Forked([&] {
    ::signal(SIGCHLD, SIG_IGN);
    for (;;) {
      const Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection || ::fork() != 0) continue;
      listener.Reset();
      serve(connection.get());
      ::_exit(0);
    }
  });
}

/// A server on the host's loopback.
struct HostServer {
  std::uint16_t port = 0;
  ChildProcess process;
};
template <class ServeOne>
HostServer Serve(int family, ServeOne serve) {
  HostServer server;
  Fd listener = ListenOnLoopback(family, server.port);
  server.process = ServeEach(std::move(listener), serve);
  return server;
}

inline void Echo(int connection) {
  std::vector<char> block(1 << 16);
  for (;;) {
    const ssize_t got = ::recv(connection, block.data(), block.size(), 0);
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const ssize_t sent =
          ::send(connection, block.data() + at, static_cast<std::size_t>(got - at), MSG_NOSIGNAL);
      if (sent <= 0) return;
      at += sent;
    }
  }
}

inline plan::NetworkPlan PlanFor(std::uint16_t port) {
  plan::NetworkPlan plan;
  plan.host_ports = {port};
  return plan;
}

class RunningEgress {
 public:
  struct Terms {
    std::uint64_t most_out = Allowance::kUnlimited;
    Timeouts timeouts = {};
  };
  explicit RunningEgress(plan::NetworkPlan plan) : RunningEgress(std::move(plan), Terms()) {}
  RunningEgress(plan::NetworkPlan plan, std::vector<PublishedListener> published)
      : RunningEgress(std::move(plan), Terms(), std::move(published)) {}
  RunningEgress(plan::NetworkPlan plan, const Terms& terms,
                std::vector<PublishedListener> published = {})
      : plan_(std::move(plan)) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    Fd life_line_end(ends[0]);
    life_line_ = Fd(ends[1]);
    auto pair = sys::MakeSeqpacketPair();
    EXPECT_TRUE(pair);
    control_ = std::move(pair->first);
    process_ = Forked([&] {
      EgressSpec spec{.network = plan_,
                      .life_line = std::move(life_line_end),
                      .control = std::move(pair->second),
                      .become = std::nullopt,
                      .hosts = {},
                      .own = {},
                      .most_out = terms.most_out,
                      .timeouts = terms.timeouts,
                      .published = std::move(published)};
      if (::geteuid() == 0) spec.become = kIdentity;
      RunEgress(std::move(spec));
    });
  }

  static constexpr HostIdentity kIdentity{.uid = 2'000'777, .gid = 2'000'777};

  /// Runs `body` in a new namespace whose listeners egress serves.
  template <class Body>
  void Inside(Body body) {
    ChildProcess inside = Forked([&] {
      life_line_.Reset();
      ASSERT_TRUE(sys::EnterNewNetwork());
      const auto sockets = spawn::BuildNetwork(plan_, -1);
      ASSERT_TRUE(sockets) << sockets.error().what;
      ASSERT_TRUE(spawn::SendListeners(control_.get(), *sockets));
      body();
    });
    EXPECT_EQ(inside.EndsWithin(std::chrono::seconds(60)), 0) << "failed inside, see above";
  }

  /// The next report, waiting for it; nothing after the limit or when it does not decode.
  std::optional<EgressReport> NextReport(milliseconds limit = std::chrono::seconds(5)) {
    pollfd waiting{.fd = control_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(limit.count())) != 1) return std::nullopt;
    std::array<std::byte, 2 * sizeof(EgressReport)> message{};
    const ssize_t got = ::recv(control_.get(), message.data(), message.size(), 0);
    if (got <= 0) return std::nullopt;
    auto report = DecodeReport(std::span(message).first(static_cast<std::size_t>(got)));
    EXPECT_TRUE(report) << report.error().what;
    return report ? std::optional(*report) : std::nullopt;
  }

  /// Skips to the next report of this kind.
  std::optional<EgressReport> Next(ReportKind kind) {
    while (auto report = NextReport()) {
      if (report->kind == kind) return report;
    }
    return std::nullopt;
  }

  ChildProcess& process() { return process_; }
  Fd& life_line() { return life_line_; }
  Fd& control() { return control_; }

 private:
  plan::NetworkPlan plan_;
  Fd life_line_;
  Fd control_;
  ChildProcess process_;
};

}  // namespace ambit::egress
