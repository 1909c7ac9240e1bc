#include "egress/egress.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "egress/egress_for_test.h"
#include "policy/net_rules.h"

namespace ambit::egress {
namespace {

TEST(Egress, CarriesAHostPortOverBothFamilies) {
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] {
    EXPECT_EQ(AskAndReadAll(AF_INET, server.port, "over IPv4"), "over IPv4");
    EXPECT_EQ(AskAndReadAll(AF_INET6, server.port, "over IPv6"), "over IPv6");
  });
  ASSERT_TRUE(egress.Next(ReportKind::kReady));
  const auto opened = egress.Next(ReportKind::kOpened);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->port, server.port);
  const auto closed = egress.Next(ReportKind::kClosed);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->connection, opened->connection);
  EXPECT_EQ(closed->error, 0);
  EXPECT_EQ(closed->bytes_to_host, 9U);
  EXPECT_EQ(closed->bytes_from_host, 9U);
}

TEST(Egress, ReachesAServerThatListensOnIpv6Alone) {
  const HostServer server = Serve(AF_INET6, Echo);
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] { EXPECT_EQ(AskAndReadAll(AF_INET, server.port, "six"), "six"); });
}

TEST(Egress, PassesAHalfCloseInBothDirections) {
  // Answers only after the client's end was seen; then ends its own side.
  const HostServer counter = Serve(AF_INET, [](int connection) {
    const std::string answer = "got " + std::to_string(ReadAll(connection).size());
    (void)::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
  });
  RunningEgress egress(PlanFor(counter.port));
  egress.Inside([&] { EXPECT_EQ(AskAndReadAll(AF_INET, counter.port, "12345"), "got 5"); });

  // The host ends first; the client may still send.
  const HostServer early = Serve(AF_INET, [](int connection) {
    ::shutdown(connection, SHUT_WR);
    const std::string text = ReadAll(connection);
    EXPECT_EQ(text, "still here");
  });
  RunningEgress second(PlanFor(early.port));
  second.Inside([&] {
    const Fd socket = ConnectLoopback(AF_INET, early.port);
    ASSERT_TRUE(socket);
    EXPECT_EQ(ReadAll(socket.get()), "");
    EXPECT_EQ(::send(socket.get(), "still here", 10, MSG_NOSIGNAL), 10);
  });
  const auto closed = second.Next(ReportKind::kClosed);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->bytes_to_host, 10U);
  EXPECT_EQ(closed->error, 0);
}

char ByteAt(std::size_t position) { return static_cast<char>((position * 2654435761U) >> 11U); }

/// Writes and reads `total` bytes at once over an echo; returns how many came back intact.
std::size_t EchoStream(int socket, std::size_t total) {
  std::vector<char> out(100'000);
  std::vector<char> in(100'000);
  std::size_t sent = 0;
  std::size_t received = 0;
  while (received < total) {
    pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
    if (sent < total) waiting.events = POLLIN | POLLOUT;
    if (::poll(&waiting, 1, 20'000) != 1) return received;
    if (sent < total && (waiting.revents & POLLOUT) != 0) {
      const std::size_t size = std::min(out.size(), total - sent);
      for (std::size_t i = 0; i < size; ++i) out[i] = ByteAt(sent + i);
      const ssize_t n = ::send(socket, out.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) return received;
      if (n > 0) sent += static_cast<std::size_t>(n);
    }
    if ((waiting.revents & (POLLIN | POLLHUP)) != 0) {
      const ssize_t n = ::recv(socket, in.data(), in.size(), MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return received;
      for (ssize_t i = 0; i < n; ++i, ++received) {
        if (in[static_cast<std::size_t>(i)] != ByteAt(received)) return received;
      }
    }
  }
  return received;
}

TEST(Egress, FiftyMegabytesArriveIntactBothWays) {
  constexpr std::size_t kTotal = 50'000'000;
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] {
    const Fd socket = ConnectLoopback(AF_INET, server.port);
    ASSERT_TRUE(socket);
    EXPECT_EQ(EchoStream(socket.get(), kTotal), kTotal);
  });
  const auto closed = egress.Next(ReportKind::kClosed);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->bytes_to_host, kTotal);
  EXPECT_EQ(closed->bytes_from_host, kTotal);
}

void MayOpenAllFiles() {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
}

TEST(Egress, CarriesTwoHundredConnectionsAtOnce) {
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] {
    std::vector<Fd> sockets;
    for (int i = 0; i < 200; ++i) {
      sockets.push_back(ConnectLoopback(i % 2 == 0 ? AF_INET : AF_INET6, server.port));
      ASSERT_TRUE(sockets.back()) << i << ": " << strerror(errno);
    }
    const auto text_of = [](std::size_t i) {
      return std::string(10'000, static_cast<char>('a' + i % 26)) + std::to_string(i);
    };
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      const std::string text = text_of(i);
      ASSERT_EQ(::send(sockets[i].get(), text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      ::shutdown(sockets[i].get(), SHUT_WR);
      EXPECT_EQ(ReadAll(sockets[i].get()), text_of(i)) << i;
    }
  });
}

/// Echoes one byte of each connection, and keeps them all open: one process for thousands.
HostServer ServeOneByteEach() {
  HostServer server;
  Fd listener = ListenOnLoopback(AF_INET, server.port);
  server.process = Forked([&] {
    MayOpenAllFiles();
    std::vector<pollfd> watched = {{.fd = listener.get(), .events = POLLIN, .revents = 0}};
    for (;;) {
      if (::poll(watched.data(), watched.size(), -1) <= 0) continue;
      for (std::size_t n = watched.size(); n-- > 1;) {
        char byte = 0;
        if (watched[n].revents == 0) continue;
        if (::recv(watched[n].fd, &byte, 1, 0) == 1) (void)!::send(watched[n].fd, &byte, 1, 0);
        watched[n].fd = -1 - watched[n].fd;  // it has had its turn
      }
      if (watched[0].revents == 0) continue;
      const int connection = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) watched.push_back({.fd = connection, .events = POLLIN, .revents = 0});
    }
  });
  return server;
}

TEST(Egress, TwoThousandIdleConnectionsTakeNoPipesFromTheirUser) {
  constexpr std::size_t kMany = 2000;
  const HostServer server = ServeOneByteEach();
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] {
    MayOpenAllFiles();
    std::vector<Fd> sockets;
    for (std::size_t n = 0; n < kMany; ++n) {
      sockets.push_back(ConnectLoopback(AF_INET, server.port));
      ASSERT_TRUE(sockets.back()) << n << ": " << strerror(errno);
      char byte = 'x';
      ASSERT_EQ(::send(sockets.back().get(), &byte, 1, MSG_NOSIGNAL), 1) << n;
      ASSERT_EQ(::recv(sockets.back().get(), &byte, 1, 0), 1) << n;
    }
    // They hold while this user makes pipes: as many and as large as the kernel gives by itself.
    std::vector<Fd> pipes;
    constexpr int kOrdinary = 64 * 1024;
    for (int n = 0; n < 100; ++n) {
      std::array<int, 2> ends{};
      ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
      pipes.emplace_back(ends[0]);
      pipes.emplace_back(ends[1]);
      EXPECT_EQ(::fcntl(ends[0], F_GETPIPE_SZ), kOrdinary) << n;
    }
  });
}

TEST(Egress, EndsAConnectionThatBothSidesHaveForgotten) {
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port), {.timeouts = {.idle = milliseconds(300)}});
  egress.Inside([&] {
    const Fd forgotten = ConnectLoopback(AF_INET, server.port);
    const Fd busy = ConnectLoopback(AF_INET, server.port);
    ASSERT_TRUE(forgotten && busy);
    pollfd end{.fd = forgotten.get(), .events = POLLIN, .revents = 0};
    while (::poll(&end, 1, 20) == 0) {
      char byte = 'x';
      ASSERT_EQ(::send(busy.get(), &byte, 1, MSG_NOSIGNAL), 1);
      ASSERT_EQ(::recv(busy.get(), &byte, 1, 0), 1);
    }
    EXPECT_EQ(ReadAll(forgotten.get()), "!" + std::to_string(ECONNRESET));
  });
  const auto closed = egress.Next(ReportKind::kClosed);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->error, ETIMEDOUT);
}

TEST(Egress, SendsNotOneByteMoreThanMayLeave) {
  constexpr std::uint64_t kMost = 1'000'000;
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port), {.most_out = kMost});
  egress.Inside([&] {
    // Some at once, through pipes and copied, so that they race for what is left.
    std::vector<ChildProcess> senders;
    for (int n = 0; n < 8; ++n) {
      senders.push_back(Forked([&] {
        const Fd socket = ConnectLoopback(AF_INET, server.port);
        const std::string block(50'000, 'x');
        for (int sent = 0; sent < 10; ++sent) {
          if (::send(socket.get(), block.data(), block.size(), MSG_NOSIGNAL) < 0) break;
        }
        ::shutdown(socket.get(), SHUT_WR);
        (void)ReadAll(socket.get());
      }));
    }
    for (ChildProcess& sender : senders) EXPECT_EQ(sender.EndsWithin(std::chrono::seconds(20)), 0);
  });
  std::uint64_t sent = 0;
  bool told = false;
  for (int closed = 0; closed < 8;) {
    const auto report = egress.NextReport();
    ASSERT_TRUE(report) << closed;
    told |= report->kind == ReportKind::kOutLimit;
    if (report->kind != ReportKind::kClosed) continue;
    ++closed;
    sent += report->bytes_to_host;
  }
  EXPECT_TRUE(told);
  EXPECT_LE(sent, kMost);
  EXPECT_GT(sent, kMost * 9 / 10);
}

TEST(Egress, AnAbsentServerIsAResetAndNeverAnEmptyAnswer) {
  std::uint16_t port = 0;
  {
    const Fd closed_at_once = ListenOnLoopback(AF_INET, port);
  }
  RunningEgress egress(PlanFor(port));
  egress.Inside([&] {
    for (int i = 0; i < 50; ++i) {
      const Fd socket = ConnectLoopback(AF_INET, port);
      if (!socket) {
        EXPECT_EQ(errno, ECONNRESET);
        continue;
      }
      EXPECT_EQ(ReadAll(socket.get()), "!" + std::to_string(ECONNRESET));
    }
  });
  const auto failed = egress.Next(ReportKind::kUpstreamFailed);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->port, port);
  EXPECT_EQ(failed->error, ECONNREFUSED);
}

TEST(Egress, AResetOfTheHostIsAResetInside) {
  const HostServer server = Serve(AF_INET, [](int connection) {
    char byte = 0;
    (void)::recv(connection, &byte, 1, 0);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  });
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] {
    const Fd socket = ConnectLoopback(AF_INET, server.port);
    ASSERT_TRUE(socket);
    ASSERT_EQ(::send(socket.get(), "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ(ReadAll(socket.get()), "!" + std::to_string(ECONNRESET));
  });
  const auto closed = egress.Next(ReportKind::kClosed);
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->error, ECONNRESET);
}

TEST(Egress, ResetsWhatReachesTheCaptureListenerAndReportsIt) {
  RunningEgress egress(PlanFor(9));
  egress.Inside([&] {
    for (const int family : {AF_INET, AF_INET6}) {
      const Fd socket = ConnectLoopback(family, 1);
      if (socket) EXPECT_EQ(ReadAll(socket.get()), "!" + std::to_string(ECONNRESET));
    }
  });
  for (const std::uint8_t family : {std::uint8_t{4}, std::uint8_t{6}}) {
    const auto denied = egress.Next(ReportKind::kDenied);
    ASSERT_TRUE(denied);
    EXPECT_EQ(denied->family, family);
    EXPECT_EQ(denied->port, 1);
    EXPECT_EQ(denied->address[0], family == 4 ? 127 : 0);
  }
}

/// An address that no rule allows.
void TryAddress(const std::string& target) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  ASSERT_EQ(::inet_pton(AF_INET, target.c_str(), &address.sin_addr), 1);
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
}

TEST(Egress, CountsReportsThatTheSupervisorDidNotRead) {
  constexpr std::uint64_t kAttempts = 3000;
  plan::NetworkPlan plan;
  plan.rules.allow.push_back(*policy::ParseNetRule("example.com:80", "--allow"));
  RunningEgress egress(plan);
  egress.Inside([&] {
    // Equal ones would be counted together.
    for (std::uint64_t i = 0; i < kAttempts; ++i) {
      TryAddress(fmt::format("10.1.{}.{}", i / 250, i % 250));
    }
  });
  std::uint64_t denied = 0;
  std::uint64_t dropped = 0;
  while (denied + dropped < kAttempts) {
    const auto report = egress.NextReport();
    ASSERT_TRUE(report) << denied << " + " << dropped;
    if (report->kind == ReportKind::kDenied) ++denied;
    if (report->kind == ReportKind::kDropped) dropped += report->count;
  }
  EXPECT_EQ(denied + dropped, kAttempts);
  EXPECT_GT(dropped, 0U) << "the socket took everything: the test shows nothing";
}

// splice(2) stops at urgent data for good.
TEST(Egress, CarriesUrgentDataInTheirPlaceWithoutSpinning) {
  const HostServer server = Serve(AF_INET, Echo);
  RunningEgress egress(PlanFor(server.port));
  egress.Inside([&] {
    ASSERT_TRUE(egress.Next(ReportKind::kReady));
    const Fd socket = ConnectLoopback(AF_INET, server.port);
    ASSERT_TRUE(socket);
    ASSERT_EQ(::send(socket.get(), "first", 5, 0), 5);
    ASSERT_EQ(::send(socket.get(), "!", 1, MSG_OOB), 1);
    ASSERT_EQ(::send(socket.get(), "last", 4, 0), 4);
    std::string echoed;
    std::array<char, 16> block{};
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    while (echoed.size() < 10) {
      const ssize_t got = ::recv(socket.get(), block.data(), block.size(), 0);
      ASSERT_GT(got, 0) << echoed;
      echoed.append(block.data(), static_cast<std::size_t>(got));
    }
    EXPECT_EQ(echoed, "first!last");
    // Nobody reads this one, and nothing comes behind it.
    ASSERT_EQ(::send(socket.get(), "!", 1, MSG_OOB), 1);
    const std::uint64_t before = CpuTicksOf(egress.process().pid());
    ::usleep(500'000);
    EXPECT_LT(CpuTicksOf(egress.process().pid()) - before,
              static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)) / 10);
  });
}

TEST(Egress, EndsWithTheLifeLine) {
  RunningEgress egress(PlanFor(9));
  egress.Inside([] {});
  ASSERT_TRUE(egress.Next(ReportKind::kReady));
  EXPECT_EQ(egress.process().EndsWithin(milliseconds(200)), -1) << "it must stay until then";
  egress.life_line().Reset();
  EXPECT_EQ(egress.process().EndsWithin(std::chrono::seconds(2)), 0);
}

TEST(Egress, EndsWithTheLifeLineBeforeItHasListeners) {
  RunningEgress egress(PlanFor(9));
  egress.life_line().Reset();
  EXPECT_EQ(egress.process().EndsWithin(std::chrono::seconds(2)), 0);
}

TEST(Egress, EndsClosedWhenNobodyBringsListeners) {
  RunningEgress egress(PlanFor(9));
  egress.control().Reset();
  const int status = egress.process().EndsWithin(std::chrono::seconds(2));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kExitFailed);
}

TEST(Egress, EndsClosedWhenGivenASocketThatIsNotOfThePlan) {
  RunningEgress egress(PlanFor(9));
  std::uint16_t port = 0;
  const Fd foreign = ListenOnLoopback(AF_INET, port);
  const std::array fds = {foreign.get()};
  constexpr std::array kByte = {std::byte{'L'}};
  ASSERT_TRUE(sys::SendFds(egress.control().get(), kByte, fds));
  const auto failed = egress.NextReport();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->kind, ReportKind::kFailed);
  EXPECT_EQ(failed->stage, Stage::kListeners);
  const int status = egress.process().EndsWithin(std::chrono::seconds(2));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), kExitFailed);
}

std::map<std::string, std::string> StatusOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::map<std::string, std::string> fields;
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    const auto value = line.find_first_not_of("\t ", colon + 1);
    fields[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
  }
  return fields;
}

TEST(Egress, RunsBehindItsWallsWithoutAnyPrivilege) {
  RunningEgress egress(PlanFor(9));
  egress.Inside([] {});
  ASSERT_TRUE(egress.Next(ReportKind::kReady));
  auto status = StatusOf(egress.process().pid());
  EXPECT_EQ(status["Seccomp"], "2");
  EXPECT_EQ(status["NoNewPrivs"], "1");
  EXPECT_EQ(status["Threads"], "1");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    EXPECT_EQ(status[set], "0000000000000000") << set;
  }
  if (::geteuid() == 0) {
    EXPECT_EQ(status["CapBnd"], "0000000000000000");
    EXPECT_EQ(status["Uid"], "2000777\t2000777\t2000777\t2000777");
    EXPECT_EQ(status["Gid"], "2000777\t2000777\t2000777\t2000777");
    EXPECT_EQ(status["Groups"], "");
  }
}

/// What the process has open: "/dev/null", "socket", "pipe", "anon_inode:[eventpoll]", ...
std::multiset<std::string> OpenFilesOf(pid_t pid) {
  std::multiset<std::string> kinds;
  const auto directory = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string target = std::filesystem::read_symlink(entry.path()).string();
    const auto bracket = target.find(":[");
    const bool numbered = target.starts_with("socket") || target.starts_with("pipe");
    kinds.insert(numbered ? target.substr(0, bracket) : target);
  }
  return kinds;
}

TEST(Egress, HasNoDescriptorThatItDoesNotNeed) {
  const Fd inherited(::open("/etc/passwd", O_RDONLY));  // must not be found in egress
  RunningEgress egress({.host_ports = {9, 10}});
  egress.Inside([] {});
  ASSERT_TRUE(egress.Next(ReportKind::kReady));
  if (::geteuid() != 0) {
    // Not dumpable: not even its own user may look.
    std::error_code error;
    const auto directory = "/proc/" + std::to_string(egress.process().pid()) + "/fd";
    (void)std::filesystem::directory_iterator(directory, error);
    EXPECT_EQ(error.value(), EACCES);
    return;
  }
  const std::multiset<std::string> expected = {"/dev/null",
                                               "/dev/null",
                                               "/dev/null",
                                               "pipe",    // standard streams, life line
                                               "socket",  // control
                                               "socket",
                                               "socket",
                                               "socket",
                                               "socket",  // 2 capture listeners, port 9
                                               "socket",
                                               "socket",  // port 10
                                               "socket",  // that tells of refused ports
                                               "socket",
                                               "socket",
                                               "socket",
                                               "socket",  // 2 mints
                                               "anon_inode:[eventpoll]",
                                               "anon_inode:[eventfd]",
                                               "anon_inode:[timerfd]"};
  EXPECT_EQ(OpenFilesOf(egress.process().pid()), expected);
}

}  // namespace
}  // namespace ambit::egress
