// --host-port: the one way to a server of the host, and nothing beside it.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "base/fd.h"
#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// Answers each connection to 127.0.0.1 with one line and what it was sent.
class EchoServer {
 public:
  EchoServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~EchoServer() { Stop(); }
  void Stop() {
    if (!thread_.joinable()) return;
    ::shutdown(listener_.get(), SHUT_RDWR);  // ends accept
    thread_.join();
    listener_.Reset();
  }
  std::string Port() const { return std::to_string(port_); }

 private:
  void Serve() const {
    for (int raw = 0; (raw = ::accept(listener_.get(), nullptr, nullptr)) >= 0;) {
      const Fd connection(raw);
      char buffer[256];
      const ssize_t n = ::read(raw, buffer, sizeof buffer);
      const std::string answer =
          "host says " + std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
      (void)!::write(raw, answer.data(), answer.size());
    }
  }
  Fd listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class HostPorts : public ::testing::TestWithParam<Who> {
 protected:
  static std::string Talk(const std::string& host, const std::string& port) {
    return "exec 3<>/dev/tcp/" + host + "/" + port + " && echo hello >&3 && cat <&3";
  }
  Finished Bash(const std::string& script, std::vector<std::string> flags = {}) const {
    std::vector<std::string> arguments = {"run", "-q"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    for (const std::string& word :
         {std::string("--"), std::string("bash"), std::string("-c"), script})
      arguments.push_back(word);
    return person_.Ambit(std::move(arguments));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, HostPorts, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(HostPorts, ReachAServerOnTheHostsLoopback) {
  const EchoServer server;
  ASSERT_EQ(person_.Execute({"bash", "-c", Talk("127.0.0.1", server.Port())}).out,
            "host says hello\n");
  for (const char* host : {"127.0.0.1", "::1", "localhost"}) {
    const Finished run = Bash(Talk(host, server.Port()), {"--host-port", server.Port()});
    EXPECT_EQ(run.out, "host says hello\n") << host << run.err;
  }
}

TEST_P(HostPorts, NothingIsReachedWithoutOne) {
  const EchoServer server;
  const auto start = std::chrono::steady_clock::now();
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, std::vector<std::string>{"--host-port", "9"}}) {
    const Finished run = Bash(Talk("127.0.0.1", server.Port()), flags);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, HasSubstr("Connection refused"));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_P(HostPorts, OnlyLoopbackLeadsToTheHost) {
  const EchoServer server;
  for (const char* other : {"198.19.255.1", "10.0.0.1", "169.254.169.254", "192.0.2.1"}) {
    const Finished run = Bash("SECONDS=0; " + Talk(other, server.Port()) + "; echo after $SECONDS",
                              {"--host-port", server.Port()});
    EXPECT_THAT(run.out, Not(HasSubstr("host says"))) << other;
    EXPECT_THAT(run.out, ::testing::AnyOf("after 0\n", "after 1\n")) << other << run.err;
  }
}

TEST_P(HostPorts, AServerThatIsNotThereIsAReset) {
  EchoServer server;
  server.Stop();
  const Finished run =
      Bash("SECONDS=0; " + Talk("127.0.0.1", server.Port()) + "; echo after $SECONDS",
           {"--host-port", server.Port()});
  EXPECT_THAT(run.out, ::testing::AnyOf("after 0\n", "after 1\n"));
  EXPECT_THAT(run.err, ::testing::AnyOf(HasSubstr("reset"), HasSubstr("refused")));
}

TEST_P(HostPorts, SeveralAreServedAtOnce) {
  const EchoServer one;
  const EchoServer two;
  const Finished run =
      Bash("(" + Talk("127.0.0.1", one.Port()) + "); (" + Talk("127.0.0.1", two.Port()) + ")",
           {"--host-port", one.Port(), "--host-port", two.Port()});
  EXPECT_EQ(run.out, "host says hello\nhost says hello\n") << run.err;
}

TEST_P(HostPorts, RefusesWhatIsNoPort) {
  const auto why_not = [&](std::vector<std::string> flags) {
    const Finished run = Bash("echo started", std::move(flags));
    EXPECT_EQ(run.exit_code, 125);
    EXPECT_EQ(run.out, "");
    return run.err;
  };
  for (const char* none : {"0", "70000", "99999", "-1", "http"}) {
    EXPECT_EQ(why_not({"--host-port", none}), "ambit: --host-port '" + std::string(none) +
                                                  "': not a port\nambit: ports are 1 to 65535\n");
  }
}

}  // namespace
}  // namespace ambit::testing
