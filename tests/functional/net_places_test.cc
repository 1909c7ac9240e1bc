// How many connections a run has, and how much they make egress hold, where the hard limit on open
// files leaves little: a program that takes all it can get by saying nothing leaves half of the
// places to those who say something.
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

class NetPlaces : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, NetPlaces, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

/// Takes what it can get, tells how many stand, and keeps them until it is killed.
constexpr const char* kSilent = R"py(
import select, socket, time
held = []
for n in range(150):
    try: held.append(socket.create_connection(('example.com', 80), 9))
    except ConnectionResetError: pass
time.sleep(0.5)
ended = select.select(held, [], [], 0)[0]
print(len(held) - len(ended), flush=True)
time.sleep(600)
)py";

constexpr const char* kOthers = R"py(
import http.client, subprocess, sys, time
def ask(connection, path):
    connection.request('GET', path)
    return connection.getresponse().read().decode().strip()
kept = [http.client.HTTPConnection('example.com', timeout=9) for n in range(3)]
for connection in kept: print(ask(connection, '/first'))
silent = subprocess.Popen([sys.executable, 'silent.py'], stdout=subprocess.PIPE)
held = int(silent.stdout.readline())
print('silent', held, 5 < held < 60)
for connection in kept: print(ask(connection, '/still'))
host = [http.client.HTTPConnection('127.0.0.1', timeout=9) for n in range(held - len(kept))]
print('to the host', {ask(connection, '/host') for connection in host})
silent.kill()
silent.wait()
for n in range(50):
    try: print(ask(http.client.HTTPConnection('example.com', timeout=9), '/later'))
    except ConnectionResetError: time.sleep(0.1)
    else: break
)py";

TEST_P(NetPlaces, HalfAreKeptFromThoseWhoSayNothing) {
  person_.Write("project/silent.py", kSilent);
  person_.Write("project/others.py", kOthers);
  const Finished run = WithOutside(person_, fmt::format(R"sh(
(ulimit -n 256; exec '{0}' run -q --allow example.com --host-port 80 -- /usr/bin/python3 others.py)
echo "run $?"
'{0}' audit show --denied
)sh",
                                                        AmbitBinary()));
  EXPECT_THAT(run.out, AllOf(HasSubstr("/first at example.com\n/first at example.com\n/first at "
                                       "example.com\nsilent "),
                             ContainsRegex("silent [0-9]+ True\n"),
                             HasSubstr("/still at example.com\n/still at example.com\n/still at "
                                       "example.com\nto the host {'/host at 127.0.0.1'}\n"),
                             HasSubstr("/later at example.com\nrun 0\n"),
                             ContainsRegex("example.com port 80: connection limit")))
      << run.out << run.err;
}

/// Many that begin a request and do not end it; then they go, and one asks.
constexpr const char* kBeginners = R"py(
import http.client, select, socket, time
begun = [socket.create_connection(('example.com', 80), 9) for n in range(110)]
told = []
for one in begun:
    try: one.sendall(b'GET / HTTP/1.1\r\nX: ' + b'y' * 60000)
    except ConnectionError: pass
    # The server takes them one after the other; what is held until then is the kernel's.
    told = select.select(begun, [], [], 0.1)[0]
    if told: break
print('told', {b'too many clients have begun' in one.recv(4096) for one in told})
for one in begun: one.close()
time.sleep(0.5)
asked = http.client.HTTPConnection('example.com', timeout=9)
asked.request('GET', '/after')
print(asked.getresponse().read().decode())
)py";

// What is held is memory of the host, outside of the run's own limit.
TEST_P(NetPlaces, WhatIsBegunAndNotEndedIsBounded) {
  person_.Write("project/beginners.py", kBeginners);
  const Finished run = WithOutside(person_, fmt::format(R"sh(
(ulimit -n 1024; exec '{0}' run -q --allow example.com -- /usr/bin/python3 beginners.py)
echo "run $?"
'{0}' audit show --denied
)sh",
                                                        AmbitBinary()));
  EXPECT_THAT(run.out, AllOf(HasSubstr("told {True}\n/after at example.com\n"),
                             HasSubstr("run 0\n"), HasSubstr("too many clients have begun")))
      << run.out << run.err;
}

}  // namespace
}  // namespace ambit::testing
