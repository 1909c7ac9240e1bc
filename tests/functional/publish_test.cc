// --publish: a server inside that programs of the host reach on the host's loopback, and no other
// way in.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <regex>
#include <string>
#include <thread>

#include "own_mounts.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// A run in the background; ended with the test.
class Going {
 public:
  Going(const Scratch& person, const std::vector<std::string>& flags, const std::string& script,
        std::string output)
      : person_(person), output_(std::move(output)) {
    std::vector<std::string> arguments = {"run"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.insert(arguments.end(), {"--", "/bin/sh", "-c", script});
    pid_ = person.Start(std::move(arguments), output_);
  }
  ~Going() { End(); }
  Going(const Going&) = delete;
  Going& operator=(const Going&) = delete;

  void End() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// What the run has said, once it holds `words`.
  std::string Said(const std::string& words) const {
    std::string said;
    for (int i = 0; i < 400; ++i) {
      said = person_.Read(output_);
      if (said.contains(words)) return said;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "'" << words << "' is not in: " << said;
    return said;
  }

  /// Of the host, for this port inside.
  std::string PortFor(int inside) const {
    const std::string words = fmt::format(" here is port {} of the run", inside);
    const std::string said = Said(words);
    std::smatch found;
    const std::regex line("127\\.0\\.0\\.1:([0-9]+)" + words);
    return std::regex_search(said, found, line) ? found[1].str() : std::string("none");
  }

 private:
  const Scratch& person_;
  std::string output_;
  pid_t pid_ = -1;
};

/// Serves the project over HTTP; says "serving" when it listens.
std::string Serve(const std::string& address, int port) {
  return fmt::format(
      "exec /usr/bin/python3 -c \"import http.server, socket, sys\n"
      "class Server(http.server.ThreadingHTTPServer):\n"
      "    address_family = socket.AF_INET6 if ':' in '{0}' else socket.AF_INET\n"
      "    request_queue_size = 512\n"
      "class Quiet(http.server.SimpleHTTPRequestHandler):\n"
      "    def log_message(self, *_): pass\n"
      "s = Server(('{0}', {1}), Quiet)\n"
      "print('serving', flush=True)\n"
      "s.serve_forever()\"",
      address, port);
}

class Publish : public ::testing::TestWithParam<Who> {
 protected:
  Publish() { person_.Write("project/hello", "from inside\n"); }
  Finished Curl(const std::string& url) const {
    return person_.Execute({"curl", "-sS", "-m", "9", url});
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Publish, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Publish, AServerIsReachedWhereverItListensInside) {
  for (const char* address : {"127.0.0.1", "::1", "0.0.0.0", "::"}) {
    const Going run(person_, {"--publish", "0:3000"}, Serve(address, 3000), "said");
    const std::string port = run.PortFor(3000);
    run.Said("serving");
    for (const char* host : {"127.0.0.1", "[::1]", "localhost"}) {
      const Finished got = Curl(fmt::format("http://{}:{}/hello", host, port));
      EXPECT_EQ(got.out, "from inside\n") << address << " by " << host << ": " << got.err;
    }
    person_.Write("said", "");
  }
}

TEST_P(Publish, TwoHundredAtOnceAreServed) {
  person_.Write("project/many", std::string(100'000, 'x'));
  const Going run(person_, {"--publish", "0:3000"}, Serve("127.0.0.1", 3000), "said");
  const std::string port = run.PortFor(3000);
  run.Said("serving");
  person_.Write("ask.py", R"(import socket, sys
port = int(sys.argv[1])
all = [socket.create_connection(('127.0.0.1', port), 20) for _ in range(200)]
for s in all: s.sendall(b'GET /many HTTP/1.0\r\n\r\n')
whole = 0
for s in all:
    got = b''
    while True:
        block = s.recv(65536)
        if not block: break
        got += block
    whole += got.endswith(b'x' * 100000)
print(whole, 'whole')
)");
  const Finished asked = person_.Execute({"python3", person_.root() + "/ask.py", port});
  EXPECT_EQ(asked.out, "200 whole\n") << asked.err;
}

TEST_P(Publish, NobodyInsideIsAReset) {
  const Going run(person_, {"--publish", "0:3000"}, "sleep 60", "said");
  const Finished got = Curl(fmt::format("http://127.0.0.1:{}/hello", run.PortFor(3000)));
  EXPECT_TRUE(got.exit_code == 56 || got.exit_code == 52 || got.exit_code == 7) << got.exit_code;
  EXPECT_EQ(got.out, "");
}

TEST_P(Publish, WhatIsNotPublishedIsReachedByNobody) {
  // A server inside on all of its addresses: from the host, from its network, from another run.
  const Going run(person_, {"--publish", "0:3000"},
                  "(" + Serve("0.0.0.0", 3999) + ") & " + Serve("0.0.0.0", 3000), "said");
  const std::string port = run.PortFor(3000);
  run.Said("serving\nserving");
  EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).out, "from inside\n");
  for (const char* host : {"127.0.0.1", "[::1]"}) {
    EXPECT_EQ(Curl(fmt::format("http://{}:3999/hello", host)).exit_code, 7) << host;
  }
  const std::string try_all = fmt::format(
      "for at in 127.0.0.1:{} [::1]:{} 127.0.0.1:3000 198.19.255.1:3000 10.0.0.1:{}; do\n"
      "  curl -sS -m 3 http://$at/hello && echo reached $at\ndone; echo tried",
      port, port, port);
  const Finished other = person_.Sh(try_all);
  EXPECT_EQ(other.out, "tried\n") << other.err;
}

TEST_P(Publish, OnlyTheLoopbackOfTheHostLeadsIn) {
  person_.Write("project/serve.sh", Serve("127.0.0.1", 3000));
  const Finished tried = InOwnMounts(
      person_,
      "ip link set lo up; ip addr add 10.9.8.7/32 dev lo; ip addr add fd00:9::7/128 dev lo",
      fmt::format(R"sh(
'{}' run --publish 3000 -- sh serve.sh >../said 2>&1 </dev/null &
run=$!
python3 -m http.server 4000 --bind 0.0.0.0 >/dev/null 2>&1 </dev/null &
other=$!
n=0; while ! grep -q serving ../said && [ $((n+=1)) -lt 200 ]; do sleep 0.05; done
n=0; while ! curl -s -m 2 -o /dev/null http://127.0.0.1:4000/ && [ $((n+=1)) -lt 200 ]; do sleep 0.05; done
curl -sS -m 5 http://127.0.0.1:3000/hello
curl -sS -m 5 http://10.9.8.7:4000/hello | sed 's/^/control: /'
for at in 10.9.8.7 '[fd00:9::7]'; do curl -sS -m 5 "http://$at:3000/hello"; echo "$at $?"; done
ss -Hltn 'sport = :3000' | awk '{{print $4}}' | sort
kill $run $other; wait $run
ss -Hltn 'sport = :3000' | sed 's/^/left: /'
)sh",
                  AmbitBinary()),
      {"--net"});
  EXPECT_EQ(tried.out,
            "from inside\ncontrol: from inside\n10.9.8.7 7\n[fd00:9::7] 7\n"
            "127.0.0.1:3000\n[::1]:3000\n")
      << tried.err << person_.Read("said");
}

TEST_P(Publish, APortThatIsTakenStartsNothing) {
  Going first(person_, {"--publish", "0:3000"}, Serve("127.0.0.1", 3000), "said");
  const std::string port = first.PortFor(3000);
  first.Said("serving");
  const Finished second =
      person_.Ambit({"run", "-q", "--publish", port + ":3000", "--", "sh", "-c", "echo started"});
  EXPECT_EQ(second.exit_code, 125);
  EXPECT_EQ(second.out, "");
  EXPECT_THAT(second.err, AllOf(HasSubstr("port " + port + " of this machine is in use"),
                                HasSubstr("--publish 0:3000")));
  EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).out, "from inside\n");
  // With its end nothing listens, and the same port can be had again at once.
  first.End();
  EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).exit_code, 7);
  const Going again(person_, {"--publish", port + ":3000"}, Serve("127.0.0.1", 3000), "again");
  EXPECT_EQ(again.PortFor(3000), port);
  again.Said("serving");
  EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).out, "from inside\n");
}

TEST_P(Publish, APortBelow1024IsRootsAlone) {
  const Finished run = InOwnMounts(
      person_, "ip link set lo up",
      fmt::format("'{}' run -q --publish 80 -- echo started; echo $?", AmbitBinary()), {"--net"});
  if (GetParam() == Who::kRoot) {
    EXPECT_EQ(run.out, "started\n0\n") << run.err;
  } else {
    EXPECT_EQ(run.out, "125\n");
    EXPECT_THAT(run.err, AllOf(HasSubstr("port 80 of this machine is not yours to listen on"),
                               HasSubstr("8080:80")));
  }
}

TEST_P(Publish, IsOnRecordAndTold) {
  {
    Going run(person_, {"--keep-run", "--publish", "0:3000"}, Serve("127.0.0.1", 3000), "said");
    const std::string port = run.PortFor(3000);
    run.Said("serving");
    EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).out, "from inside\n");
    EXPECT_THAT(person_.Ambit({"ps"}).out, HasSubstr(fmt::format("(127.0.0.1:{} to 3000)", port)));
    EXPECT_THAT(person_.Ambit({"ps", "--json"}).out,
                HasSubstr(fmt::format(R"("published":[{{"host":{},"inside":3000}}])", port)));
    const Finished inspected = person_.Ambit({"inspect"});
    EXPECT_THAT(inspected.out, HasSubstr(fmt::format("127.0.0.1:{} to port 3000 inside", port)));
    EXPECT_THAT(person_.Ambit({"inspect", "--json"}).out,
                ContainsRegex("\"published\": *\\[\n? *\\{"));
  }
  EXPECT_THAT(person_.Ambit({"ps", "--all"}).out, Not(HasSubstr("to 3000")));
  const Finished told = person_.Ambit({"audit", "show", "--type", "publish.*"});
  EXPECT_THAT(told.out, AllOf(ContainsRegex("127\\.0\\.0\\.1:[0-9]+ to port 3000 inside\n"),
                              HasSubstr("to port 3000 inside opened"),
                              ContainsRegex("closed, [0-9]{3} bytes to the host, [0-9]{2} from")))
      << told.err;
  EXPECT_EQ(person_.Ambit({"audit", "verify"}).exit_code, 0);
}

TEST_P(Publish, APortOfARunThatGoesOn) {
  Going run(person_, {"--keep-run"}, Serve("127.0.0.1", 3000), "said");
  run.Said("serving");
  const Finished told = person_.Ambit({"publish", "0:3000"});
  std::smatch found;
  ASSERT_TRUE(std::regex_search(
      told.err, found, std::regex("127\\.0\\.0\\.1:([0-9]+) here is port 3000 of the run")))
      << told.err;
  const std::string port = found[1].str();
  EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).out, "from inside\n");
  EXPECT_THAT(person_.Ambit({"ps"}).out, HasSubstr(fmt::format("(127.0.0.1:{} to 3000)", port)));
  const Finished taken = person_.Ambit({"publish", port + ":3000"});
  EXPECT_EQ(taken.exit_code, 125);
  EXPECT_THAT(taken.err, AllOf(ContainsRegex("r-[0-9a-z]+ publishes port " + port +
                                             " of this machine already: 127.0.0.1:" + port +
                                             " here is port 3000 of the run"),
                               Not(HasSubstr("--publish"))));
  const Finished other = person_.Ambit({"publish", port + ":3001"});
  EXPECT_EQ(other.exit_code, 125);
  EXPECT_THAT(other.err, AllOf(HasSubstr("already"), HasSubstr("0:3001")));
  run.End();
  EXPECT_THAT(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).err, HasSubstr("connect"));
  EXPECT_THAT(person_.Ambit({"audit", "show", "--type", "publish.*"}).out,
              AllOf(ContainsRegex("publish.listening"), HasSubstr("to port 3000 inside opened")));
  EXPECT_THAT(person_.Ambit({"publish", "3000"}).err, HasSubstr("no run is going on"));
}

TEST_P(Publish, WithoutAPortSaysWhatIsMissing) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"publish"}, {"publish", "r-00000000"}}) {
    const Finished none = person_.Ambit(words);
    EXPECT_EQ(none.exit_code, 125);
    EXPECT_THAT(none.err, AllOf(HasSubstr("no port is named"), HasSubstr("'ambit publish 3000'")));
  }
}

TEST_P(Publish, WhatReachesNobodyInsideIsAFailureThatWhyTells) {
  std::string port;
  {
    const Going run(person_, {"--keep-run", "--publish", "0:3000"}, "sleep 60", "said");
    port = run.PortFor(3000);
    EXPECT_EQ(Curl(fmt::format("http://127.0.0.1:{}/hello", port)).out, "");
  }
  const Finished why = person_.Ambit({"why"});
  EXPECT_EQ(why.exit_code, 1);
  EXPECT_THAT(why.out,
              AllOf(HasSubstr(fmt::format(
                        "allowed a connection from the host's port {} to port 3000 inside", port)),
                    HasSubstr("but     nobody serves it there (Connection refused)\n")));
  EXPECT_THAT(person_.Read("said"), Not(HasSubstr("connection failed")));
}

TEST_P(Publish, IsNotForAProjectThatNobodyTrusts) {
  person_.Write("project/ambit.toml", "[net]\npublish = [\"0:3000\"]\n");
  const Finished run = person_.Ambit({"run", "--", "true"});
  EXPECT_THAT(run.err, HasSubstr("net.publish '0:3000' is left out"));
  EXPECT_THAT(run.err, Not(HasSubstr("here is port")));
}

}  // namespace
}  // namespace ambit::testing
