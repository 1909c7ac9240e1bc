// What a run reaches by name, and what it does not: real programs inside, a real resolver and
// relay, and an outside in a network namespace of the test's own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class NetNames : public ::testing::TestWithParam<Who> {
 protected:
  /// `script` inside, with `flags`; then `after` outside.
  Finished Run(const std::string& flags, const std::string& script,
               const std::string& after = ":") {
    return RunWithOutside(person_, "-q " + flags, script, after);
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, NetNames, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(NetNames, ThatAreAllowedAreReachedByEveryProgram) {
  const Finished run =
      Run("--allow example.com --allow '*.deep.example' --allow git.example:22", R"sh(
curl -sS -m 9 http://example.com/plain
curl -sSk -m 9 https://example.com/secure
curl -sSk -m 9 --http1.1 https://EXAMPLE.com/again https://example.com/kept
curl -sS -m 9 http://a.deep.example/below
head -c 300000 /dev/zero | curl -sS -m 9 --data-binary @- http://example.com/up
/usr/bin/python3 -c "import socket
s = socket.create_connection(('git.example', 22), 9)
print(s.recv(99).decode().strip())
print(*sorted({a[0].name for a in socket.getaddrinfo('example.com', 80)}))"
getent hosts localhost
)sh");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("/plain at example.com\n"), HasSubstr("/secure at example.com\n"),
            HasSubstr("/again at "), HasSubstr("/kept at example.com\n"),
            HasSubstr("/below at a.deep.example\n"), HasSubstr("300000 bytes\n"),
            HasSubstr("SSH-2.0-outside\nAF_INET"), HasSubstr("localhost"), HasSubstr("run 0\n")))
      << run.err;
}

TEST_P(NetNames, ThatAreNotAllowedAreRefusedSoThatProgramsCanTell) {
  const Finished run = Run("--allow example.com", R"sh(
try() { curl -sS -m 9 "$@" >out 2>err; echo "$? $(cat out err)"; }
echo "name: $(try http://www.example.com/)"
echo "port: $(try http://example.com:8080/)"
echo "address: $(try http://93.184.216.34/)"
echo "host: $(try -H 'Host: www.example.com' http://example.com/)"
echo "second: $(try http://example.com/one --next -sS -m 9 -H 'Host: www.example.com' http://example.com/x)"
address=$(getent ahostsv4 example.com | sed 's/ .*//;q')
echo "server name: $(try -k --resolve www.example.com:443:$address https://www.example.com/)"
/usr/bin/python3 -c "import socket
s = socket.create_connection(('example.com', 80), 9); s.sendall(b'SSH-2.0-x\r\n')
try: print('neither:', s.recv(9))
except ConnectionResetError: print('neither: reset')"
)sh");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("name: 6 "), HasSubstr("port: 7 "),
                    HasSubstr("address: 0 ambit: a connection to 93.184.216.34:80 is refused"),
                    HasSubstr("host: 0 ambit: example.com: the HTTP request is for another host "
                              "(www.example.com)"),
                    HasSubstr("/one at example.com"), HasSubstr("server name: 35 "),
                    HasSubstr("access denied"), HasSubstr("neither: reset")))
      << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("/x at")));
  EXPECT_THAT(person_.Read("asked"), AllOf(HasSubstr("example.com"), Not(HasSubstr("www"))));
}

TEST_P(NetNames, InTlsAreReadInAnyPiecesAndHaveToBeThere) {
  const Finished run = Run("--allow example.com", R"py(
/usr/bin/python3 - <<'END'
import socket, ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
def shake_hands(name, size):
    """With a segment for each `size` bytes."""
    s = socket.create_connection(('example.com', 443), 9)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(come, go, server_hostname=name)
    try:
        while True:
            try: stands = tls.do_handshake() is None
            except ssl.SSLWantReadError: stands = False
            data = go.read()
            for at in range(0, len(data), size): s.sendall(data[at:at + size])
            if stands: return 'stands'
            come.write(s.recv(65536))
    except ssl.SSLError as error: return error.reason
for name in ('example.com', 'EXAMPLE.com', 'www.example.com', None):
    print(name, *(shake_hands(name, size) for size in (65536, 1)))
END
)py");
  EXPECT_EQ(run.out,
            "example.com stands stands\nEXAMPLE.com stands stands\n"
            "www.example.com TLSV1_ALERT_ACCESS_DENIED TLSV1_ALERT_ACCESS_DENIED\n"
            "None TLSV1_ALERT_ACCESS_DENIED TLSV1_ALERT_ACCESS_DENIED\nrun 0\n")
      << run.err;
}

TEST_P(NetNames, LeadToNoAddressOfThisMachineOrItsNetworks) {
  const Finished run =
      Run("--allow private.example --allow local.example --allow metadata.example "
          "--allow none.example",
          R"sh(
for name in private local metadata none; do
  echo "$name $(curl -sS -m 9 http://$name.example/ 2>&1)"
done
)sh",
          "ambit audit show --denied");
  for (const char* name : {"private", "local", "metadata", "none"}) {
    EXPECT_THAT(run.out, HasSubstr(fmt::format("{} ambit: a connection to {}.example:80 is "
                                               "refused: ",
                                               name, name)))
        << run.err;
  }
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("private.example port 80: it leads to an address of a private network"),
            HasSubstr("local.example port 80: it leads to this machine itself"),
            HasSubstr("metadata.example port 80: it leads to the metadata of a cloud machine"),
            HasSubstr("none.example port 80: there is no such name")));
}

TEST_P(NetNames, AreDeniedWhateverAllowsThem) {
  const Finished run = Run("--allow '*.example.com' --deny www.example.com",
                           "curl -sS -m 9 http://www.example.com/; echo \"denied $?\"",
                           "ambit why --newest; ambit why --host www.example.com");
  EXPECT_THAT(run.out, AllOf(HasSubstr("denied 6\n"), HasSubstr("www.example.com (--deny)"),
                             HasSubstr("www.example.com denies it (--deny)")))
      << run.err;
}

TEST_P(NetNames, OfAnAddressAreNotItsRule) {
  const Finished run = Run("--allow 93.184.216.34:80", R"sh(
curl -sS -m 9 http://93.184.216.34/by-address
curl -sS -m 9 http://example.com/; echo "name $?"
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/by-address at 93.184.216.34\n"), HasSubstr("name 6\n")))
      << run.err;
}

TEST_P(NetNames, AreOnRecord) {
  const Finished run = Run("--allow example.com", R"sh(
curl -sS -m 9 http://example.com/ http://other.org/
sleep 0.5
cat /run/ambit/denials
)sh",
                           "ambit audit show --type 'egress.*'; ambit audit verify");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("refused: resolve other.org | by: no rule names it | allowed by: "
                              "ambit run --allow other.org"),
                    HasSubstr("example.com:80 opened"), HasSubstr("example.com:80 closed, "),
                    HasSubstr("intact")))
      << run.err;
}

TEST_P(NetNames, ThatDoNotExistAreNoRefusalOfOurs) {
  const Finished run =
      RunWithOutside(person_, "--allow none.example",
                     "curl -sS -m 9 http://none.example/ http://other.org/ >/dev/null");
  EXPECT_THAT(run.err, HasSubstr("1 thing refused: resolve other.org")) << run.out;
}

TEST_P(NetNames, AreNoneWithoutARule) {
  const Finished run = Run("", "curl -sS -m 9 http://example.com/; echo \"none $?\"");
  EXPECT_THAT(run.out, HasSubstr("none 6\n")) << run.err;
  EXPECT_EQ(person_.Read("asked"), "");
}

TEST_P(NetNames, AreAnsweredAfterAFloodOfQuestions) {
  const Finished run = Run("--allow '*.deep.example'", R"sh(
/usr/bin/python3 -c "import os, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('127.0.0.1', 53))
s.setblocking(False)
for n in range(30000):
    labels = (b'n%d' % (n % 4000), b'deep' if n % 2 else b'other', b'example')
    name = b''.join(bytes([len(l)]) + l for l in labels)
    query = struct.pack('>HHHHHH', n & 65535, 256, 1, 0, 0, 0) + name + b'\0\0\1\0\1'
    try: s.send(query if n % 5 else os.urandom(40))
    except OSError: pass"
curl -sS -m 9 http://a.deep.example/after
)sh",
                           "ambit audit verify");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/after at a.deep.example"), HasSubstr("run 0"), HasSubstr("intact")))
      << run.err;
}

}  // namespace
}  // namespace ambit::testing
