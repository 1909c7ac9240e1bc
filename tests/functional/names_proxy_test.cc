// A host that reaches the world through an HTTP proxy: real programs inside, a proxy and servers in
// a network namespace of the test's own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kReset = "(56|52|7|35)";

class ProxyOfTheHost : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` inside, with `variables` in the environment of ambit; then `after` outside.
  Finished Run(const std::string& variables, const std::string& flags, const std::string& script,
               const std::string& after = ":") {
    person_.Write("project/inside.sh", script);
    return WithOutside(
        person_,
        AmbitAsCommand() + fmt::format("{} '{}' run {} -- sh inside.sh\necho \"run $?\"\n{}",
                                       variables, AmbitBinary(), flags, after));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, ProxyOfTheHost, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ProxyOfTheHost, CarriesEveryNameAndIsToldTheName) {
  const Finished run = Run("HTTPS_PROXY=http://127.0.0.1:3128",
                           "--allow example.com --allow unknown.example --allow git.example:22 "
                           "--allow 93.184.216.34:8080",
                           R"sh(
curl -sS -m 9 http://example.com/plain
curl -sSk -m 9 https://unknown.example/secure
/usr/bin/python3 -c "import socket
s = socket.create_connection(('git.example', 22), 9)
print(s.recv(99).decode().strip())"
curl -sS -m 9 http://other.example/; echo "other $?"
env | grep -ci proxy
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/plain at example.com"), HasSubstr("/secure at unknown.example"),
                    HasSubstr("SSH-2.0-outside"), HasSubstr("other 6"), HasSubstr("\n0\n")))
      << run.err;
  EXPECT_THAT(run.err, HasSubstr("through proxy 127.0.0.1:3128"));
  EXPECT_EQ(person_.Read("asked"), "") << "the proxy looks names up";
  EXPECT_THAT(person_.Read("proxied"),
              AllOf(HasSubstr("CONNECT example.com:80 HTTP/1.1 | Host: example.com:80\n"),
                    HasSubstr("CONNECT unknown.example:443 HTTP/1.1"),
                    HasSubstr("CONNECT git.example:22 HTTP/1.1"), Not(HasSubstr("other"))));
}

TEST_P(ProxyOfTheHost, IsToldTheLoginThatNobodyElseIs) {
  const Finished run = Run("https_proxy=http://user:pa%40ss@localhost:3128",
                           "--env https_proxy --allow example.com", R"sh(
curl -sS -m 9 --noproxy '*' http://example.com/plain
env
)sh",
                           "ambit plan --json --allow example.com -- true; "
                           "cat ~/.local/state/ambit/runs/*/*.json*");
  EXPECT_THAT(run.out, HasSubstr("/plain at example.com")) << run.err;
  EXPECT_THAT(person_.Read("proxied"), HasSubstr("Proxy-Authorization: Basic dXNlcjpwYUBzcw=="));
  EXPECT_THAT(run.out + run.err, AllOf(Not(HasSubstr("pa%40ss")), Not(HasSubstr("pa@ss")),
                                       Not(HasSubstr("dXNlcjpwYUBzcw"))));
}

TEST_P(ProxyOfTheHost, IsNotForWhatNoProxyExcepts) {
  const Finished run =
      Run("HTTPS_PROXY=http://127.0.0.1:3128 NO_PROXY=.example.com,10.0.0.0/8",
          "--allow example.com --allow 10.1.2.3 --allow git.example:80 --allow private.example "
          "--private private.example=10.1.2.3",
          R"sh(
curl -sS -m 9 http://example.com/where
curl -sS -m 9 http://10.1.2.3/where
curl -sS -m 9 http://private.example/where
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/where at 93.184.216.34"), HasSubstr("/where at 10.1.2.3\n"
                                                                             "/where at 10.1.2.3")))
      << run.err;
  EXPECT_EQ(person_.Read("proxied"), "");
}

TEST_P(ProxyOfTheHost, ThatGivesNoTunnelResetsTheClientAndIsOnRecord) {
  const Finished run =
      Run("HTTPS_PROXY=http://127.0.0.1:3128", "--allow blocked.example --allow garbage.example",
          R"sh(
curl -sS -m 9 http://blocked.example/ 2>/dev/null; echo "blocked $?"
curl -sS -m 9 http://garbage.example/ 2>/dev/null; echo "garbage $?"
)sh",
          "ambit audit show --type egress.connect; ambit why; echo \"why $?\"");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("but     the host's proxy answered 403\n"),
                    HasSubstr("but     the host's proxy gave no tunnel (Protocol error)\n"),
                    HasSubstr("why 1\n"), ContainsRegex(fmt::format("blocked {}\n", kReset)),
                    ContainsRegex(fmt::format("garbage {}\n", kReset)),
                    HasSubstr("blocked.example:80 failed: the host's proxy answered 403"),
                    HasSubstr("garbage.example:80 failed: Protocol error")))
      << run.err;
}

TEST_P(ProxyOfTheHost, ThatIsNotSpokenToStopsTheRun) {
  const Finished run =
      Run("HTTPS_PROXY=socks5://127.0.0.1:1080", "--allow example.com", "echo started");
  EXPECT_THAT(run.out, AllOf(Not(HasSubstr("started")), HasSubstr("run 125")));
  EXPECT_THAT(run.err, HasSubstr("HTTPS_PROXY of your environment: a proxy of the kind 'socks5'"));
}

TEST_P(ProxyOfTheHost, IsOfNoConcernToARunWithoutNames) {
  const Finished run = Run("HTTPS_PROXY=socks5://127.0.0.1:1080", "", "echo started");
  EXPECT_THAT(run.out, HasSubstr("started")) << run.err;
}

/// A client that has gone leaves no dial behind: the silent proxy would hold it for 30 seconds.
TEST_P(ProxyOfTheHost, IsHungUpOnWhenTheClientHasGone) {
  const Finished run = Run("HTTPS_PROXY=http://127.0.0.1:3128", "--allow silent.example", R"sh(
curl -sS -m 1 http://silent.example/ 2>/dev/null; echo "silent $?"
sleep 4
)sh",
                           "ambit audit show --type egress.connect");
  EXPECT_THAT(run.out, AllOf(HasSubstr("silent 28"),
                             HasSubstr("silent.example:80 failed: Operation canceled")))
      << run.err;
}

}  // namespace
}  // namespace ambit::testing
