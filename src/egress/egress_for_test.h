#pragma once
// Test support: a real egress process, a real network namespace that spawn built, and servers on
// the real loopback of the host. Everything runs in forked children of the test.
#include <arpa/inet.h>
#include <errno.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "egress/egress.h"
#include "egress/report.h"
#include "spawn/native/network.h"
#include "sys/fd_passing.h"
#include "sys/new_network_for_test.h"

namespace ambit::egress {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

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

inline Fd ListenOnLoopback(int family, std::uint16_t& port) {
  Fd listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = htons(port);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(port);
  auto* address =
      family == AF_INET ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
  EXPECT_EQ(::bind(listener.get(), address, size), 0);
  EXPECT_EQ(::listen(listener.get(), 512), 0);
  EXPECT_EQ(::getsockname(listener.get(), address, &size), 0);
  port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
  return listener;
}

/// A server on the host's loopback that runs `serve(connection)` in a fork per connection.
struct HostServer {
  std::uint16_t port = 0;
  ChildProcess process;
};
template <class ServeOne>
HostServer Serve(int family, ServeOne serve) {
  HostServer server;
  Fd listener = ListenOnLoopback(family, server.port);
  server.process = Forked([&] {
    ::signal(SIGCHLD, SIG_IGN);
    for (;;) {
      const Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) continue;
      if (::fork() == 0) {
        listener.Reset();
        serve(connection.get());
        ::_exit(0);
      }
    }
  });
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

/// A TCP connection to the loopback of the calling process's namespace; on failure empty with
/// errno.
inline Fd ConnectLoopback(int family, std::uint16_t port) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_addr = in6addr_loopback;
  v6.sin6_port = htons(port);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  v4.sin_port = htons(port);
  const int rc = family == AF_INET
                     ? ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof v4)
                     : ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  if (rc != 0) return {};
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
  return socket;
}

/// A port of the loopback that lets nobody in and refuses nobody: its queue is full.
struct FullPort {
  /// `wanted` 0: any.
  explicit FullPort(std::uint16_t wanted = 0) {
    listener = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(wanted);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), plain, size), 0);
    EXPECT_EQ(::listen(listener.get(), 0), 0);
    EXPECT_EQ(::getsockname(listener.get(), plain, &size), 0);
    port = ntohs(address.sin_port);
    for (int n = 0; n < 4; ++n) {
      waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(waiting.back().get(), plain, size);
    }
  }
  Fd listener;
  std::vector<Fd> waiting;
  std::uint16_t port = 0;
};

/// Closes it with a reset.
inline void ResetAndClose(Fd& socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  socket.Reset();
}

/// Reads to the end of the stream; "!errno" behind what came when it broke instead.
inline std::string ReadAll(int socket) {
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t got = ::recv(socket, block.data(), block.size(), 0);
    if (got == 0) return text;
    if (got < 0) return text + "!" + std::to_string(errno);
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

inline plan::NetworkPlan PlanFor(std::uint16_t port) { return {.host_ports = {port}}; }

/// What comes back for `question` and its end; "connect ERRNO" and "send" when it went no further.
inline std::string AskAndReadAll(int family, std::uint16_t port, std::string_view question) {
  const Fd socket = ConnectLoopback(family, port);
  if (!socket) return "connect " + std::to_string(errno);
  if (::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0) return "send";
  ::shutdown(socket.get(), SHUT_WR);
  return ReadAll(socket.get());
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
