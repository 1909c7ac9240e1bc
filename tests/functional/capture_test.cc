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
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Capture : public ::testing::TestWithParam<std::tuple<Who, std::string>> {
 protected:
  [[nodiscard]] const std::string& Mode() const { return std::get<1>(GetParam()); }
  /// `script` inside, with `flags`; then `after` outside.
  Finished Run(const std::string& flags, const std::string& script,
               const std::string& after = ":") {
    return RunWithOutside(person_, "--capture " + Mode() + " " + flags, script, after);
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

/// Asks an address that no rule names, in ways that packet filters have been got around by.
constexpr const char* kOddWays = R"py(
import socket, struct
v4, mapped = ('93.184.216.34', 80), ('::ffff:93.184.216.34', 80)
ask = b'GET /odd HTTP/1.0\r\nHost: git.example\r\n\r\n'
route = b'\x01\x83\x07\x04' + socket.inet_aton('10.1.2.3')  # no operation, loose source route
def option(level, name, value): return lambda s: s.setsockopt(level, name, value)
def bind(*address): return lambda s: s.bind(address)
nothing = lambda s: None
ways = {
    'plain': (nothing, v4), 'mapped': (nothing, mapped),
    'source-route': (option(socket.IPPROTO_IP, socket.IP_OPTIONS, route), v4),
    'padding': (option(socket.IPPROTO_IP, socket.IP_OPTIONS, b'\x01' * 4), v4),
    'marked': (option(socket.SOL_SOCKET, socket.SO_MARK, 1), v4),
    'transparent': (option(socket.IPPROTO_IP, socket.IP_TRANSPARENT, 1), v4),
    'by-device': (option(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'lo'), v4),
    'as-itself': (bind('93.184.216.34', 0), v4), 'as-loopback': (bind('127.0.0.1', 0), v4),
    'small-segments': (option(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 88), v4)}
for name, (prepare, target) in ways.items():
    s = socket.socket(socket.AF_INET6 if target is mapped else socket.AF_INET)
    s.settimeout(3)
    try:
        prepare(s)
        s.connect(target)
        s.sendall(ask)
        said = s.makefile('rb').read()
    except OSError as error: said = error
    print(name, said)
s = socket.socket()
try:
    s.sendto(ask, socket.MSG_FASTOPEN, v4)
    s.settimeout(3)
    print('fast-open', s.makefile('rb').read())
except OSError as error: print('fast-open', error)
for name, kind, protocol in (('sctp', 1, 132), ('dccp', 6, 33), ('mptcp', 1, 262), ('gre', 3, 47),
                             ('udp-lite', 2, 136), ('sctp-many', 5, 132)):
    try:
        s = socket.socket(socket.AF_INET, kind, protocol)
        s.settimeout(1)
        s.connect(v4)
        s.send(ask)
        print(name, s.recv(1000))
    except OSError as error: print(name, error)
)py";

TEST_P(Capture, NoOddWayLeadsAroundIt) {
  person_.Write("project/odd.py", kOddWays);
  const Finished run = Run("--allow example.com", "/usr/bin/python3 odd.py",
                           "echo outside; /usr/bin/python3 odd.py");
  const std::size_t end = run.out.find("run 0\noutside\n");
  ASSERT_NE(end, std::string::npos) << run.out << run.err;
  const std::string inside = run.out.substr(0, end);
  const std::string outside = run.out.substr(end);
  EXPECT_THAT(inside, Not(HasSubstr("/odd at")));
  for (const char* way : {"plain", "mapped", "source-route", "padding", "by-device", "as-itself",
                          "as-loopback", "small-segments", "fast-open"}) {
    EXPECT_THAT(inside, ContainsRegex(fmt::format("(^|\n){} ", way)));
  }
  for (const char* way : {"plain", "mapped", "padding", "small-segments", "fast-open"}) {
    EXPECT_THAT(outside, ContainsRegex(fmt::format("\n{} .*/odd at git.example", way)))
        << "it does not work outside either: this shows nothing";
  }
  EXPECT_THAT(inside, AllOf(ContainsRegex("\nmarked .*not permitted"),
                            ContainsRegex("\ntransparent .*not permitted")));
}

// HTTP/3, and DNS over QUIC, TLS or HTTP/3, to somebody who has a name and to whom nobody allows: a
// client hears at once that it has to try something else, and never that somebody forbids it.
TEST_P(Capture, DatagramsMeetAClosedPortAtOnce) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import errno, socket, statistics, time
names = socket.getaddrinfo('example.com', 443, type=socket.SOCK_STREAM)
hosts = [a[4][0] for a in names] + ['9.9.9.9', '2001:db8::1']
print('families', sorted({':' in host for host in hosts[:-2]}))
forbidden = 0
def how(kind, host, port, wait=5):
    s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, kind)
    s.settimeout(wait)
    began = time.monotonic()
    try:
        s.connect((host, port))
        s.send(b'initial packet')
        s.recv(9)
        said = 'answer'
    except OSError as error:
        said = errno.errorcode.get(error.errno, 'nothing')
    return said, time.monotonic() - began
for host in hosts:
    for port in (443, 853, 8853):
        heard = [how(socket.SOCK_DGRAM, host, port) for n in range(20)]
        print('udp', port, {said for said, _ in heard},
              statistics.median(seconds for _, seconds in heard) < 0.001)
        s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
        for n in range(20):
            try: s.sendto(b'initial packet', (host, port))
            except PermissionError: forbidden += 1
            except ConnectionRefusedError: pass
        if port != 443: print('tcp', port, how(socket.SOCK_STREAM, host, port)[0])
print('forbidden', forbidden)
END
curl -sSk -m 9 https://example.com/at-last
)py");
  EXPECT_THAT(run.out, AllOf(HasSubstr("families [False, True]\n"), HasSubstr("forbidden 0\n"),
                             HasSubstr("/at-last at example.com\n")))
      << run.err;
  const auto times = [&](const std::string& line) {
    std::size_t count = 0;
    for (std::size_t at = run.out.find(line); at != std::string::npos;
         at = run.out.find(line, at + 1)) {
      ++count;
    }
    return count;
  };
  constexpr std::size_t kHosts = 4;
  for (const char* port : {"443", "853", "8853"}) {
    EXPECT_EQ(times(fmt::format("udp {} {{'ECONNREFUSED'}} True\n", port)), kHosts) << run.out;
  }
  for (const char* port : {"853", "8853"}) {
    EXPECT_EQ(times(fmt::format("tcp {} ECONNREFUSED\n", port)), kHosts) << run.out;
  }
}

class CaptureRedirect : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, CaptureRedirect, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

/// What the run's kernel remembers is bounded, and the run's alone.
TEST_P(CaptureRedirect, HangsWhereTheKernelCanRememberNoMoreAndNobodyElseDoes) {
  CopyFakes(person_, "hostile", "project", {"fill_translations.c"});
  const Finished made = person_.Execute({"cc", "-O2", "-o", "fill", "fill_translations.c"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  person_.Write("project/inside.sh", R"sh(
try() { to=$1; shift; said=$(curl -sS -g -m 2 "$@" 2>&1); echo "$to $? $said"; }
address=$(getent ahostsv4 example.com | sed 's/ .*//;q')
curl -sS -m 9 http://example.com/before
./fill
try allowed --resolve example.com:80:$address http://example.com/during &
try name http://git.example/ &
try question http://leak.example/ &
try address http://93.184.216.34/ &
try six 'http://[2606:2800:220:1::1]/' &
try port --resolve example.com:8080:$address http://example.com:8080/ &
try capture http://127.0.0.1:1/ &
try loopback http://127.0.0.1:80/ &
wait
touch full
n=0; while [ -e full ] && [ $((n+=1)) -lt 600 ]; do sleep 0.1; done
)sh");
  const Finished run = WithOutside(person_, AmbitAsCommand() + R"sh(
redirected() { ambit run -q --capture redirect --allow example.com "$@"; }
redirected --project rw -- sh inside.sh >inside.out 2>&1 </dev/null & run=$!
n=0; while ! [ -e full ] && [ $((n+=1)) -lt 900 ]; do sleep 0.1; done
redirected -- curl -sS -m 5 http://example.com/another-run
curl -sS -m 5 http://93.184.216.34/host
began=$(date +%s); rm full; wait $run; echo "end $? $(($(date +%s) - began < 5))"
redirected -- curl -sS -m 5 http://example.com/later
ambit audit verify; ambit ps; cat inside.out
)sh",
                                   std::chrono::seconds(150));
  EXPECT_THAT(run.out, AllOf(HasSubstr("/another-run at example.com\n"),
                             HasSubstr("/host at 93.184.216.34\n"), HasSubstr("end 0 1\n"),
                             HasSubstr("/later at example.com\n"), HasSubstr("intact")))
      << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("/before at example.com\nfull: "), HasSubstr("allowed 28 "),
                             Not(HasSubstr("/during at"))))
      << "the kernel was not full: this shows nothing";
  for (const char* tried : {"name", "question", "address", "six", "port", "capture", "loopback"}) {
    EXPECT_THAT(run.out, ContainsRegex(fmt::format("\n{} [1-9]", tried)));
  }
  EXPECT_THAT(person_.Read("asked"), Not(AnyOf(HasSubstr("leak"), HasSubstr("git"))));
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
