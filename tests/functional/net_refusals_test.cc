// What programs are told whose connection is refused, what is put on record of it, and that nothing
// gets around the names: real programs inside, and an outside in a network namespace of the test's.
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

class NetRefusals : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` inside, with `flags`; then `after` outside.
  Finished Run(const std::string& flags, const std::string& script,
               const std::string& after = ":") {
    return RunWithOutside(person_, "-q " + flags, script, after, std::chrono::seconds(120));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, NetRefusals, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kSsh =
    "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "
    "-o ConnectTimeout=9";

TEST_P(NetRefusals, OfSshAreReadByPeopleAndByGit) {
  const Finished run = Run("--allow git.example:22 --allow private.example:22", fmt::format(R"sh(
export GIT_SSH_COMMAND='{0}'
echo "address: $({0} git@93.184.216.34 2>&1)"
echo "git: $(git clone git@93.184.216.34:some/repo 2>&1)"
echo "private: $({0} git@private.example 2>&1)"
)sh",
                                                                                            kSsh));
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("Received disconnect from 93.184.216.34 port 22:1: ambit: a "
                      "connection to 93.184.216.34:22 is refused: no rule names it, ambit run "
                      "--allow 93.184.216.34:22 would allow it"),
            ContainsRegex("git: Cloning into 'repo'...\n(.*\n)*Received disconnect from "
                          "93.184.216.34 port 22:1: ambit: (.*\n)*fatal: Could not read from"),
            HasSubstr("Could not read from remote repository"),
            HasSubstr("ambit: a connection to private.example:22 is refused: it leads to an "
                      "address of a private network, ambit run --private private.example would "
                      "allow it")))
      << run.out << run.err;
}

TEST_P(NetRefusals, OfTheWebAreToldWithinASecond) {
  const Finished run = Run("--allow example.com --allow private.example", R"sh(
try() { curl -sS -m 9 "$@" >out 2>err; echo "$? $(cat out err)"; }
echo "plain: $(try http://93.184.216.34/)"
echo "header: $(try -D - -o /dev/null http://93.184.216.34/ | grep X-Ambit)"
echo "tls: $(try -k https://93.184.216.34/)"
echo "private: $(try http://private.example/)"
echo "private tls: $(try -k https://private.example/)"
/usr/bin/python3 -c "import socket, time
began = time.monotonic()
s = socket.create_connection(('93.184.216.34', 443), 9)
try: print('silent:', s.recv(9))
except ConnectionResetError: print('silent: reset')
print('quick' if time.monotonic() - began < 2 else 'slow')"
)sh",
                           "ambit audit show --denied");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("plain: 0 ambit: a connection to 93.184.216.34:80 is refused: no rule names "
                      "it, ambit run --allow 93.184.216.34:80 would allow it\n"),
            HasSubstr("X-Ambit-Refused: ambit: a connection to 93.184.216.34:80 is refused"),
            ContainsRegex("\ntls: 35 [^\n]*access denied"),
            HasSubstr("private: 0 ambit: a connection to private.example:80 is refused: it leads "
                      "to an address of a private network, ambit run --private private.example "
                      "would allow it\n"),
            ContainsRegex("private tls: 35 [^\n]*access denied"),
            HasSubstr("silent: reset\nquick\n"),
            HasSubstr("a connection to 93.184.216.34 port 443: no rule names it")))
      << run.out << run.err;
}

// A range that somebody wrote does not mean the credentials of the machine.
TEST_P(NetRefusals, OfACloudsMetadataHoldAgainstEveryRule) {
  const Finished run = Run("--allow 169.254.0.0/16 --allow '[fd00:ec2::/32]:80'", R"sh(
for host in 169.254.169.254 '[fd00:ec2::254]' 169.254.170.2 '[::ffff:169.254.169.254]'; do
  curl -sS -g -m 9 "http://$host/latest"
done
)sh",
                           "ambit audit show --denied");
  for (const char* host : {"169.254.169.254:80", "[fd00:ec2::254]:80", "169.254.170.2:80"}) {
    EXPECT_THAT(run.out,
                HasSubstr(fmt::format("ambit: a connection to {} is refused: it leads to the "
                                      "metadata of a cloud machine\n",
                                      host)))
        << run.err;
  }
  EXPECT_THAT(run.out, Not(HasSubstr("/latest at")));
}

// However many are refused at once, those beyond the bound get a reset, and the next ones words.
TEST_P(NetRefusals, AreToldToABoundedNumberAtOnce) {
  const Finished run = Run("--allow example.com", R"sh(
/usr/bin/python3 -c "import socket, time
held, reset = [], 0
for n in range(300):
    try: held.append(socket.create_connection(('93.184.216.34', 80), 9))
    except ConnectionResetError: reset += 1
time.sleep(0.3)
for s in held:
    s.setblocking(False)
    try: s.recv(9)
    except BlockingIOError: pass
    except ConnectionResetError: reset += 1
print('some reset' if 200 <= reset <= 299 else reset)
for s in held: s.close()"
sleep 1.2
curl -sS -m 9 http://93.184.216.34/
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("some reset\n"), HasSubstr("ambit: a connection to")))
      << run.err;
}

TEST_P(NetRefusals, OfPortsAreOnRecordAndAtOnce) {
  const Finished run = Run("--allow example.com", R"sh(
/usr/bin/python3 -c "import socket
for n in range(30):
    try: socket.create_connection(('example.com', 8080), 9)
    except ConnectionRefusedError: pass
for where in (('93.184.216.34', 5432), ('2001:db8::1', 5432)):
    try: socket.create_connection(where, 9)
    except ConnectionRefusedError: print('refused')
try: socket.create_connection(('example.com', 8081), 9)
except ConnectionRefusedError: pass
try: socket.getaddrinfo('other.example', 80)
except socket.gaierror: print('both families')"
sleep 1.3
cat /run/ambit/denials
)sh",
                           "ambit audit show --denied; ambit why --newest\n"
                           "denials() { ambit audit show --denied | grep -c \"$1\"; }\n"
                           "echo once $(denials 'port 8081') $(denials other.example)");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("refused\nrefused\nboth families\n"), HasSubstr("once 1 1\n"),
                    HasSubstr("a connection to example.com port 8080: no rule names it"),
                    HasSubstr("port 8080 (29 times): no rule names it"),
                    HasSubstr("port 8080 (29 times) | by: no rule names it"),
                    HasSubstr("a connection to 93.184.216.34 port 5432"),
                    HasSubstr("a connection to 2001:db8::1 port 5432"),
                    HasSubstr("--allow example.com:8080")))
      << run.out << run.err;
}

// What was allowed and failed is no refusal, and is told apart from one.
TEST_P(NetRefusals, AreToldBeforeWhatWasAllowedAndFailed) {
  const Finished run =
      Run("--allow example.com:81 --allow none.example --allow 0.0.0.0/0 "
          "--deny 93.184.216.34:80",
          R"sh(
for n in 1 2; do curl -4 -sS -m 9 http://example.com:81/; done
curl -sS -m 9 http://none.example/
curl -sS -m 9 http://93.184.216.34/
curl -sS -m 9 http://10.1.2.3/
)sh",
          "ambit why; echo \"why $?\"\n"
          "ambit why --host EXAMPLE.com:81; echo \"one $?\"\n"
          "ambit why --host none.example --json; echo \"none $?\"\n"
          "ambit why --host 10.1.2.3; echo \"private $?\"");
  EXPECT_THAT(
      run.out,
      AllOf(
          ContainsRegex("refused a connection to 93.184.216.34 port 80, [^\n]*\n"
                        "because 93.184.216.34:80 \\(--deny\\)\n"),
          ContainsRegex("allowed a connection to example.com port 81 \\(2 times\\), [^\n]*\n"
                        "but     nobody serves it there \\(Connection refused\\)\n"),
          ContainsRegex("allowed a connection to none.example port 80, [^\n]*\n"
                        "but     there is no such name\n"),
          HasSubstr("why 0\n"),
          ContainsRegex("allowed EXAMPLE.com:81 can be reached from inside\n"
                        "because example.com:81 allows it [^\n]*\n\n"
                        "allowed a connection to example.com port 81 [^\n]*\nbut     [^\n]*\n"
                        "one 1\n"),
          ContainsRegex("\"refused\":false[^\n]*\"failed\":\"there is no such name\"[^\n]*\n"
                        "none 1\n"),
          ContainsRegex("because no rule names it by itself: 0.0.0.0/0 \\(--allow\\) does not mean "
                        "an address of a private network\nallow   --allow 10.1.2.3\nprivate 0")))
      << run.err;
  EXPECT_LT(run.out.rfind("refused a connection to 93.184.216.34", run.out.find("why 0")),
            run.out.find("but     nobody serves"));
}

// At the end things are counted, however often they were tried; and what failed apart from them.
TEST_P(NetRefusals, AreCountedAtTheEndOnceEachAndApartFromWhatFailed) {
  const Finished run = RunWithOutside(person_, "--allow example.com:81 --allow none.example", R"sh(
for n in 1 2 3 4 5; do curl -sS -m 9 http://www.example.com/; done
sleep 1.5
curl -sS -m 9 http://other.org/
for n in 1 2; do curl -4 -sS -m 9 http://example.com:81/; done
curl -sS -m 9 http://none.example/
)sh",
                                      "ambit why");
  EXPECT_THAT(
      run.err,
      AllOf(ContainsRegex("ambit: 2 things refused, the newest: resolve other.org \\(no rule "
                          "names it\\); 'ambit why r-[0-9a-z]+' tells what would allow it\n"),
            HasSubstr("ambit: 3 connections failed, the newest: a connection to "
                      "none.example port 80: there is no such name\n")))
      << run.out;
  EXPECT_THAT(run.out, AllOf(ContainsRegex("refused resolve other.org, [^\n]*\n[^\n]*\n[^\n]*\n\n"
                                           "refused resolve www.example.com \\(5 times\\), "),
                             Not(HasSubstr("4 times"))))
      << run.err;
}

TEST_P(NetRefusals, AreNotWhatFailsAndTheEndTellsOfItAllTheSame) {
  const Finished run =
      RunWithOutside(person_, "--allow example.com:81", "curl -4 -sS -m 9 http://example.com:81/");
  EXPECT_THAT(run.err,
              AllOf(ContainsRegex("ambit: 1 connection failed: a connection to example.com "
                                  "port 81: nobody serves it there \\(Connection "
                                  "refused\\); 'ambit why r-[0-9a-z]+' tells of each\n"),
                    HasSubstr("ended: exited "), Not(HasSubstr("refused: "))));
}

TEST_P(NetRefusals, AreNotGotAroundByRedirectsDohOrDot) {
  const Finished run = Run("--allow example.com", R"sh(
try() { curl -sS -L -m 9 "$@" >out 2>err; echo "$? $(cat out err)"; }
echo "name: $(try http://example.com/to/www.example.com/)"
echo "metadata: $(try http://example.com/to/169.254.169.254/latest)"
echo "loopback: $(try http://example.com/to/127.0.0.1:9/)"
echo "good: $(try http://example.com/to/example.com/there)"
echo "doh: $(try -k https://dns.google/dns-query)"
echo "doh address: $(try -k https://8.8.8.8/dns-query)"
echo "dot: $(try -k https://8.8.8.8:853/)"
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("name: 6 "),
                    HasSubstr("metadata: 0 ambit: a connection to 169.254.169.254:80 is refused"),
                    HasSubstr("loopback: 7 "), HasSubstr("good: 0 /there at example.com"),
                    HasSubstr("doh: 6 "), ContainsRegex("doh address: 35 [^\n]*access denied"),
                    HasSubstr("dot: 7 ")))
      << run.out << run.err;
  EXPECT_THAT(person_.Read("asked"), Not(HasSubstr("dns.google")));
}

TEST_P(NetRefusals, OfForeignResolversAreNone) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import errno, socket, struct, time
def question(name, edns=b''):
    labels = b''.join(bytes([len(l)]) + l for l in name.encode().split(b'.')) + b'\0'
    return struct.pack('>HHHHHH', 7, 256, 1, 0, 0, 0) + labels + b'\0\1\0\1'
def code(answer): return answer[3] & 15, struct.unpack('>H', answer[6:8])[0]
for resolver in ('8.8.8.8', '2001:4860:4860::8888', '127.0.0.1', '::1'):
    family = socket.AF_INET6 if ':' in resolver else socket.AF_INET
    for connected in (True, False):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.settimeout(5)
        for name in ('example.com', 'other.org'):
            if connected:
                s.connect((resolver, 53))
                s.send(question(name))
                print(resolver, name, *code(s.recv(512)))
            else:
                s.sendto(question(name), (resolver, 53))
                answer, peer = s.recvfrom(512)
                print(resolver, name, *code(answer), 'same' if peer[0] == resolver else peer)
    s = socket.create_connection((resolver, 53), 5)
    q = question('example.com')
    s.sendall(struct.pack('>H', len(q)) + q)
    print(resolver, 'tcp', *code(s.recv(600)[2:]))
for where in (('9.9.9.9', 443), ('2001:db8::1', 443)):
    s = socket.socket(socket.AF_INET6 if ':' in where[0] else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect(where)
    began = time.monotonic()
    try:
        s.send(b'quic?')
        s.recv(9)
    except OSError as error:
        print('quic', errno.errorcode[error.errno], time.monotonic() - began < 0.1)
    try: s.sendto(b'quic?', where); print('no EPERM')
    except ConnectionRefusedError: print('no EPERM')
END
if command -v dig >/dev/null; then dig +short +time=5 +tries=1 @8.8.4.4 example.com; else echo 198.18.; fi
)py",
                           "ambit audit show --type egress.resolver_asked");
  for (const char* resolver : {"8.8.8.8", "2001:4860:4860::8888", "127.0.0.1", "::1"}) {
    EXPECT_THAT(run.out, AllOf(HasSubstr(fmt::format("{} example.com 0 1\n", resolver)),
                               HasSubstr(fmt::format("{} other.org 3 0\n", resolver)),
                               HasSubstr(fmt::format("{} example.com 0 1 same\n", resolver)),
                               HasSubstr(fmt::format("{} tcp 0 1\n", resolver))))
        << run.out << run.err;
  }
  EXPECT_THAT(run.out, AllOf(HasSubstr("quic ECONNREFUSED True\nno EPERM\nquic ECONNREFUSED True\n"
                                       "no EPERM\n"),
                             HasSubstr("198.18."), HasSubstr("host=8.8.8.8"),
                             HasSubstr("host=2001:4860:4860::8888"), Not(HasSubstr("host=127."))))
      << run.out << run.err;
  EXPECT_EQ(person_.Read("asked"), "");
}

// Every type, every kind of damage: an answer or silence, and the next question is answered.
TEST_P(NetRefusals, OfStrangeQuestionsLeaveTheNameServerAlive) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import os, random, socket, struct
def ask(message, wait=0):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(('127.0.0.1', 53))
    s.settimeout(wait)
    s.send(message)
    return s.recv(4096) if wait else None
name = b'\7eXaMpLe\3cOm\0'
head = lambda extra=0: struct.pack('>HHHHHH', 7, 256, 1, 0, 0, extra)
for kind in (16, 10, 255, 2, 6, 15, 33, 41, 43, 46, 48, 64, 65, 250, 252, 257, 65535):
    answer = ask(head() + name + struct.pack('>HH', kind, 1), 5)
    assert struct.unpack('>H', answer[6:8])[0] == 0, kind
answer = ask(head() + name + b'\0\1\0\1', 5)
assert answer[12:12 + len(name)] == name and answer[3] & 15 == 0
for udp, version in ((0, 0), (65535, 0), (1232, 1), (65535, 255)):
    edns = b'\0\0\x29' + struct.pack('>HBBHH', udp, 0, version, 0, 4) + b'\0\x0a\0\0'
    answer = ask(head(1) + name + b'\0\1\0\1' + edns, 5)
    answers, opt = struct.unpack('>H', answer[6:8])[0], answer[-11:]
    assert (answers, answer[3] & 15, opt[5], opt[6]) == (version == 0, 0, version != 0, 0), version
loop = head() + b'\xc0\x0c\0\1\0\1'
random.seed(7)
for n in range(3000):
    ask(loop if n % 3 == 0 else os.urandom(n % 600 + 1))
    bad = bytearray(head() + name + b'\0\1\0\1')
    bad[random.randrange(len(bad))] ^= 1 << random.randrange(8)
    ask(bytes(bad))
ask(b'\0' * 60000)
for n in range(5):  # as resolvers do: what nobody reads yet takes the place of the next question
    try: alive = ask(head() + name + b'\0\1\0\1', 1)
    except TimeoutError: continue
    print('alive' if alive else 'empty')
    break
END
)py");
  EXPECT_THAT(run.out, AllOf(HasSubstr("alive\n"), HasSubstr("run 0"))) << run.out << run.err;
}

TEST_P(NetRefusals, AreNotForAWebSocketThatTheServerTakes) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import socket
def ask(path, *more, upgrade='websocket'):
    s = socket.create_connection(('example.com', 80), 9)
    s.sendall(('GET %s HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n'
               % (path, upgrade)).encode())
    got = b''
    while b'\r\n\r\n' not in got: got += s.recv(1000)
    for text in more: s.sendall(text)
    try:
        while True:
            block = s.recv(1000)
            if not block: break
            got += block
    except ConnectionResetError: got += b'!reset'
    return got
print('taken', ask('/socket', b'Host: anything\n').split(b'\r\n\r\n')[1])
print('not taken', ask('/other', b'GET /x HTTP/1.1\r\nHost: www.example.com\r\n\r\n').split(b'\n')[-1])
print('h2c', ask('/other', upgrade='h2c').split(b'\r\n')[0])
END
)py");
  EXPECT_THAT(run.out, AllOf(HasSubstr("taken b'frame of Host: anything\\n'\n"),
                             ContainsRegex("not taken b'!?reset'\n"),
                             HasSubstr("h2c b'HTTP/1.1 403 Forbidden'\n")))
      << run.out << run.err;
}

TEST_P(NetRefusals, EndARunThatSendsMoreThanItMay) {
  const Finished run = Run("--allow example.com --net-out 200KiB", R"sh(
head -c 100000 /dev/zero | curl -sS -m 9 --data-binary @- http://example.com/one
head -c 300000 /dev/zero | curl -sS -m 9 --data-binary @- http://example.com/two
head -c 300000 /dev/zero | curl -sSk -m 9 --data-binary @- https://example.com/three
sleep 60
)sh",
                           "ambit audit show\n"
                           "ambit stats\nambit stats --json; ambit why --newest");
  EXPECT_THAT(run.out, AllOf(HasSubstr("100000 bytes\n"), Not(HasSubstr("300000 bytes")),
                             HasSubstr("run 141\n"), HasSubstr("net-out-limit 141"),
                             HasSubstr("limit of 200 KiB sent out (--net-out)"),
                             ContainsRegex("sent out +(200.0|19[0-9].[0-9]) KiB of 200 KiB"),
                             HasSubstr("allow   --net-out SIZE\n")))
      << run.out << run.err;
}

// What did not arrive because the far side had gone has not left, and others may send as much.
TEST_P(NetRefusals, OfTheFarSideCostNothingOfWhatMayLeave) {
  const Finished run = Run("--allow example.com --allow reset.example --net-out 100KiB", R"sh(
/usr/bin/python3 -c "import socket, time
for n in range(5):
    s = socket.create_connection(('reset.example', 443), 9)
    time.sleep(0.5)
    try:
        s.sendall(b'GET / HTTP/1.1\r\nHost: reset.example:443\r\nX: ' + b'x' * 25000 + b'\r\n\r\n')
        print('end', s.recv(9))
    except ConnectionResetError: print('reset')"
head -c 80000 /dev/zero | curl -sS -m 9 --data-binary @- http://example.com/
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("reset\nreset\nreset\nreset\nreset\n80000 bytes\n"),
                             HasSubstr("run 0\n")))
      << run.err;
}

// Nobody reads from the client while the server decides, and it is noticed all the same.
TEST_P(NetRefusals, OfAServerToDecideOnAWebSocketHoldNoPlace) {
  const Finished run = Run("--allow example.com", R"sh(
/usr/bin/python3 -c "import socket, struct, time
s = socket.create_connection(('example.com', 80), 9)
s.sendall(b'GET /never HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n'
          b'Upgrade: websocket\r\n\r\n')
time.sleep(0.5)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
s.close()
time.sleep(2)"
)sh",
                           "ambit audit show --type egress.connect");
  EXPECT_THAT(run.out, AllOf(HasSubstr("run 0\n"), HasSubstr("opened"), HasSubstr("closed")))
      << run.err;
}

// A minute of silence on a port of the web is enough; a client that speaks is left alone.
TEST_P(NetRefusals, OfTheLastMomentAreOnRecordAndWhatItSent) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import os, socket, time
s = socket.create_connection(('example.com', 80), 9)
s.sendall(b'GET /never HTTP/1.1\r\nHost: example.com\r\n\r\n')
time.sleep(0.2)
for n in range(5):
    try: socket.gethostbyname('other.example')
    except OSError: pass
os._exit(0)
END
)py",
                           "ambit audit show; ambit stats");
  EXPECT_THAT(run.out, AllOf(HasSubstr("example.com:80 closed, 42 bytes to the host"),
                             HasSubstr("resolve other.example (4 times): no rule names it"),
                             ContainsRegex("sent out +42 B")))
      << run.out << run.err;
}

TEST_P(NetRefusals, OfClientsThatSayNothingFreeTheirPlace) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import http.client, socket, time
silent = socket.create_connection(('example.com', 80), 9)
half = socket.create_connection(('example.com', 443), 9)
half.sendall(b'\x16\x03\x01')
kept = http.client.HTTPConnection('example.com', timeout=9)
def ask(path):
    kept.request('GET', path)
    return kept.getresponse().read()
ask('/kept')
began = time.monotonic()
for s in (silent, half):
    s.settimeout(80)
    try: print('end', s.recv(9))
    except ConnectionResetError: print('reset', 25 < time.monotonic() - began < 40)
kept.auto_open = False
print(ask('/again') == b'/again at example.com\n')
END
)py",
                           "ambit audit show --denied");
  EXPECT_THAT(run.out, AllOf(HasSubstr("reset True\nreset True\nTrue\n"),
                             HasSubstr("nothing was asked for in time")))
      << run.out << run.err;
}

}  // namespace
}  // namespace ambit::testing
