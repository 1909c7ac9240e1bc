// The three ways in which connections get to egress: in each a run reaches what its policy names,
// and nothing else.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Capture : public ::testing::TestWithParam<std::tuple<Who, std::string>> {
 protected:
  [[nodiscard]] const std::string& Mode() const { return std::get<1>(GetParam()); }
  /// `script` inside, with `flags`; then `after` outside.
  Finished Run(const std::string& flags, const std::string& script,
               const std::string& after = ":") {
    person_.Write("project/inside.sh", script);
    return WithOutside(person_,
                       fmt::format("ambit() {{ '{}' \"$@\"; }}\n"
                                   "ambit run --capture {} {} -- sh inside.sh\necho \"run $?\"\n{}",
                                   AmbitBinary(), Mode(), flags, after));
  }
  Scratch person_{std::get<0>(GetParam())};
};
INSTANTIATE_TEST_SUITE_P(As, Capture,
                         ::testing::Combine(::testing::ValuesIn(Everyone()),
                                            ::testing::Values("tproxy", "redirect", "ports")),
                         [](const auto& param) {
                           return NameOf(std::get<0>(param.param)) + "_" + std::get<1>(param.param);
                         });

TEST_P(Capture, WhatIsAllowedIsReached) {
  const Finished run =
      Run("--allow example.com --allow '*.deep.example' --allow git.example:22 "
          "--allow 93.184.216.34:80",
          R"sh(
curl -sS -m 9 http://example.com/plain
curl -sSk -m 9 https://example.com/secure
curl -sS -6 -m 9 http://example.com/six
curl -sS -m 9 http://a.deep.example/below
curl -sS -m 9 http://93.184.216.34/by-address
head -c 300000 /dev/zero | curl -sS -m 9 --data-binary @- http://example.com/up
/usr/bin/python3 -c "import socket
s = socket.create_connection(('git.example', 22), 9)
print(s.recv(99).decode().strip())"
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/plain at example.com\n"), HasSubstr("/secure at example.com\n"),
                    HasSubstr("/six at example.com\n"), HasSubstr("/below at a.deep.example\n"),
                    HasSubstr("/by-address at 93.184.216.34\n"), HasSubstr("300000 bytes\n"),
                    HasSubstr("SSH-2.0-outside\n"), HasSubstr("run 0\n")))
      << run.err;
}

TEST_P(Capture, WhatIsNotAllowedIsNot) {
  const Finished run = Run("--allow example.com --allow private.example --deny www.example.com",
                           R"sh(
try() { curl -sSf -m 9 "$@" >out 2>err; echo "$? $(cat out err)"; }
echo "name: $(try http://git.example/)"
echo "denied: $(try http://www.example.com/)"
echo "port: $(try http://example.com:8080/)"
echo "address: $(try http://93.184.216.34/)"
echo "six: $(try 'http://[2606:2800:220:1::1]/')"
echo "private: $(try http://private.example/)"
echo "host: $(curl -sS -m 9 -H 'Host: www.example.com' http://example.com/)"
for own in 127.0.0.1 '[::1]' 198.19.255.1; do
  echo "own $own: $(try http://$own:443/)"
  echo "capture $own: $(try http://$own:1/)"
done
)sh",
                           "ambit audit show --denied");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("name: 6 "), HasSubstr("denied: 6 "), HasSubstr("port: 7 "),
                    HasSubstr("address: 22 "), HasSubstr("six: 22 "), HasSubstr("private: 22 "),
                    HasSubstr("host: ambit: example.com: the HTTP request is for another host")))
      << run.err;
  for (const char* own : {"127\\.0\\.0\\.1", "\\[::1\\]", "198\\.19\\.255\\.1"}) {
    EXPECT_THAT(run.out, ContainsRegex(fmt::format("own {}: (7|56|35|22) ", own)));
    EXPECT_THAT(run.out, ContainsRegex(fmt::format("capture {}: (7|56) ", own)));
  }
  EXPECT_THAT(run.out, AllOf(HasSubstr("93.184.216.34 port 80: no rule names it"),
                             HasSubstr("private.example port 80: it leads to an address of a "
                                       "private network")));
  EXPECT_THAT(run.out, Not(HasSubstr(" at ")));
}

TEST_P(Capture, IsToldAndOnRecord) {
  const Finished run =
      Run("--allow example.com", "curl -sS -m 9 http://example.com/plain",
          "ambit audit show --type run.started; ambit audit show --type egress.connect\n"
          "grep -ho '\"capture\":\"[a-z]*\"' ~/.local/state/ambit/runs/*/journal.jsonl\n"
          "ambit audit verify\n"
          "ambit plan --capture " +
              Mode() + " --allow example.com -- true | grep '^capture'");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("\"capture\":\"" + Mode() + "\""), HasSubstr("example.com:80 opened"),
                    HasSubstr("intact"), HasSubstr("capture " + Mode())))
      << run.err;
  const std::string words = "connections are captured with " + Mode();
  if (Mode() == "tproxy") {
    EXPECT_THAT(run.out + run.err, Not(HasSubstr("captured with")));
  } else {
    EXPECT_THAT(run.out, HasSubstr(words));
    EXPECT_THAT(run.err, HasSubstr(words));
  }
}

TEST_P(Capture, AServerInsideHasItsPortUnlessEgressListensThere) {
  const Finished run = Run("--allow example.com:4443", R"sh(
for port in 4443 4444; do
/usr/bin/python3 - $port <<'END'
import socket, sys
port = int(sys.argv[1])
try:
    s = socket.create_server(('127.0.0.1', port))
    c = socket.create_connection(('127.0.0.1', port), 5)
    print(port, 'served')
except OSError as e:
    print(port, e.strerror)
END
done
)sh");
  EXPECT_THAT(run.out, HasSubstr("4444 served\n")) << run.err;
  EXPECT_THAT(run.out,
              HasSubstr(Mode() == "ports" ? "4443 Address already in use" : "4443 served\n"));
}

TEST_P(Capture, AHostPortThatIsAllowedOutsideAsWellLeadsToBoth) {
  const Finished run = Run("--allow example.com --host-port 80", R"sh(
curl -sS -m 9 http://example.com/outside
curl -sS -m 9 http://127.0.0.1/host
curl -sS -m 9 'http://[::1]/host6'
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/outside at example.com\n"),
                             HasSubstr("/host at 127.0.0.1\n"), HasSubstr("/host6 at [::1]\n")))
      << run.err;
  const Finished opened = person_.Ambit({"audit", "show", "--type", "egress.connect"});
  EXPECT_THAT(opened.out, HasSubstr("127.0.0.1:80 opened")) << opened.err;
}

TEST_P(Capture, PortsArePublishedInEach) {
  const Finished run = WithOutside(person_, fmt::format(R"sh(
'{}' run --capture {} --allow example.com --publish 3000 -- /usr/bin/python3 -m http.server 3000 --bind 127.0.0.1 >../said 2>&1 </dev/null &
run=$!
n=0; while ! curl -s -m 2 -o /dev/null http://127.0.0.1:3000/ && [ $((n+=1)) -lt 100 ]; do sleep 0.1; done
curl -sS -m 5 http://127.0.0.1:3000/ | grep -ci listing
kill $run; kill $run; wait $run
)sh",
                                                        AmbitBinary(), Mode()));
  EXPECT_THAT(run.out, ContainsRegex("^[1-9]")) << run.err << person_.Read("said");
}

class CapturePorts : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, CapturePorts, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

/// socket(_, _, NETLINK_NETFILTER) fails as on such a kernel.
TEST_P(CapturePorts, AreTakenWhereTheKernelHasNoNfTables) {
  const std::string without = std::string(AMBIT_DENY_SYSCALL) + " socket:2=12 EPROTONOSUPPORT";
  const Finished run =
      WithOutside(person_, fmt::format(R"sh(
export A='{}'
{} $A run --allow example.com -- curl -sS -m 9 http://example.com/plain
{} $A plan --allow example.com -- true | grep '^capture'
{} $A doctor | grep -A1 'captured network'
{} $A run -q --capture tproxy -- echo started; echo "pinned $?"
)sh",
                                       AmbitBinary(), without, without, without, without));
  EXPECT_THAT(run.out, AllOf(HasSubstr("/plain at example.com\n"), HasSubstr("capture ports"),
                             ContainsRegex("ok +captured network"), HasSubstr("pinned 125\n"),
                             HasSubstr("ports (no nf_tables"), Not(HasSubstr("started"))))
      << run.err;
  EXPECT_THAT(run.err, HasSubstr("connections are captured with ports"));
}

TEST_P(CapturePorts, RefuseWhatTheyCannotServe) {
  const auto why_not = [&](std::vector<std::string> flags) {
    std::vector<std::string> arguments = {"run", "-q", "--capture", "ports"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.insert(arguments.end(), {"--", "echo", "started"});
    const Finished run = person_.Ambit(arguments);
    EXPECT_EQ(run.exit_code, 125);
    EXPECT_EQ(run.out, "");
    return run.err;
  };
  EXPECT_THAT(why_not({"--allow", "example.com:53"}), HasSubstr("'53' cannot be allowed"));
  EXPECT_THAT(why_not({"--allow", "example.com", "--publish", "8080:80"}),
              HasSubstr("no server inside can have port 80"));
}

}  // namespace
}  // namespace ambit::testing
