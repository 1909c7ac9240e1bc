// Connections that wait for a person's answer, given from another process while the run goes on.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <string>

#include "support/terminal_session.h"

#include "outside.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class NetAsk : public ::testing::TestWithParam<Who> {
 protected:
  /// `inside` in a run with --ask and `flags`; `beside` meanwhile; `after` when it has ended.
  Finished Run(const std::string& flags, const std::string& inside, const std::string& beside,
               const std::string& after = ":") {
    person_.Write("project/inside.sh", inside);
    return WithOutside(person_, fmt::format(R"sh(ambit() {{ '{}' "$@"; }}
waits() {{
  n=0
  until ambit approve --json 2>/dev/null | grep -q "$1"; do
    [ $((n+=1)) -lt 200 ] || {{ echo "nothing waits for $1"; return; }}
    sleep 0.05
  done
}}
ambit run -q --ask {} -- sh inside.sh >inside.out 2>&1 </dev/null &
run=$!
{}
wait $run; echo "run $?"; cat inside.out
{})sh",
                                            AmbitBinary(), flags, beside, after));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, NetAsk, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(NetAsk, HoldsAConnectionUntilItIsApproved) {
  const Finished run = Run("", R"sh(
curl -sS -m 50 http://example.com/held
curl -sS -m 50 http://example.com/again
curl -sS -m 50 http://www.example.com/last
)sh",
                           "waits example.com:80; ambit ps; ambit ps --json; ambit why\n"
                           "echo \"why $?\"; ambit why --host example.com | head -1\n"
                           "ambit approve example.com; ambit why --host example.com | head -1\n"
                           "(cd /; ambit approve other.example); echo \"elsewhere $?\"\n"
                           // What waits keeps the run going until it has been looked at.
                           "waits www.example.com:80; ambit approve www.example.com",
                           "ambit audit show");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("/held at example.com\n/again at example.com\n"),
            HasSubstr("/last at www.example.com"), HasSubstr("run 0"),
            ContainsRegex("net.held.*example.com:80"), ContainsRegex("net.answered.*example.com"),
            HasSubstr("cannot be reached from inside before a person allows it"),
            HasSubstr("allowed example.com can be reached from inside"),
            HasSubstr("waits for an answer"), HasSubstr(R"("waits":["example.com:80"])"),
            ContainsRegex("waits   a connection to example.com:80, for [0-9]+ s\n"
                          "because no rule names it[^\n]*\n"
                          "allow   ambit approve r-[0-9a-z]+ example.com:80\n"
                          "why 1\n"),
            HasSubstr("elsewhere 125")))
      << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr(": example.com allowed until the run ends"),
                             HasSubstr("no run of this project is going on")));
}

TEST_P(NetAsk, WhatWaitsWhenTheRunEndsIsOnRecord) {
  const Finished run =
      Run("", "curl -sS -m 50 http://example.com/held & sleep 3", ":", "ambit audit show --denied");
  EXPECT_THAT(run.out, HasSubstr("a connection to example.com port 80: no rule names it, and it "
                                 "was given up before anybody answered"))
      << run.err;
}

TEST_P(NetAsk, OnceIsForWhatWaitsAlone) {
  const Finished run = Run("", R"sh(
curl -sS -m 50 http://example.com/first
curl -sSf -m 50 http://example.com/second; echo "second $?"
)sh",
                           "waits example.com:80; ambit approve --once example.com:80\n"
                           "waits '\"question\":2'; ambit deny --once example.com:80",
                           "ambit audit show --denied");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/first at example.com\n"), Not(HasSubstr("/second at")),
                    HasSubstr("second 22\n"), HasSubstr("example.com port 80: a person said no")))
      << run.err;
}

TEST_P(NetAsk, ADenialForTheRunNeedsNoFurtherQuestion) {
  const Finished run = Run("", R"sh(
curl -sS -m 50 http://example.com/; echo "first $?"
curl -sS -m 50 http://example.com/; echo "second $?"
)sh",
                           "waits example.com:80; ambit deny example.com");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("example.com denies it (ambit deny)"), HasSubstr("second 6\n")))
      << run.err;
}

TEST_P(NetAsk, ADenialEndsWhatStandsAndIsOnRecord) {
  person_.Write("project/kept.py", R"py(
import http.client, time
kept = http.client.HTTPConnection('example.com', timeout=50)
def ask():
    kept.request('GET', '/kept')
    return kept.getresponse().read().decode().strip()
print(ask(), flush=True)
kept.auto_open = False
end = time.monotonic() + 20
try:
    while time.monotonic() < end:
        time.sleep(0.1)
        ask()
    print('goes on')
except OSError as error: print('cut off', type(error).__name__)
)py");
  const Finished run = Run("--allow example.com", "exec /usr/bin/python3 kept.py",
                           "n=0; until grep -q kept inside.out || [ $((n+=1)) -gt 200 ]; do\n"
                           "  sleep 0.05; done\n"
                           "ambit deny example.com",
                           "ambit audit show --denied");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/kept at example.com\ncut off ConnectionReset"),
                             HasSubstr("a connection to example.com port 80: example.com")))
      << run.err;
}

TEST_P(NetAsk, AnApprovalTakesBackADenialOfTheSameRun) {
  const Finished run = Run("--deny www.example.com", R"sh(
curl -sS -m 50 http://example.com/; echo "first $?"
curl -sS -m 9 http://example.com/; echo "second $?"
n=0; until curl -sSf -m 9 http://example.com/back 2>/dev/null; do
  [ $((n+=1)) -lt 100 ] || break; sleep 0.1
done
curl -sS -m 9 http://www.example.com/; echo "policy $?"
)sh",
                           "waits example.com:80; ambit deny example.com\n"
                           "n=0; until grep -q second inside.out || [ $((n+=1)) -gt 200 ]; do\n"
                           "  sleep 0.05; done\n"
                           "ambit approve --once example.com; echo \"once $?\"\n"
                           "ambit approve example.com:80; echo \"narrower $?\"\n"
                           "ambit approve www.example.com; echo \"of the policy $?\"\n"
                           "ambit approve example.com; echo \"the same $?\"",
                           "ambit audit show --type net.answered; ambit audit verify\n"
                           "ambit why --host example.com");
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("example.com denies it (ambit deny)"), HasSubstr("second 6\n"),
            HasSubstr("once 125\nnarrower 125\nof the policy 125\nthe same 0\n"),
            HasSubstr("/back at example.com\n"), HasSubstr("policy 6\n"), HasSubstr("run 0"),
            ContainsRegex("allowed=no[^\n]*rule=example.com[^\n]*\n[^\n]*allowed=yes"
                          "[^\n]*rule=example.com[^\n]*takes_back_denial=yes"),
            HasSubstr("intact"), HasSubstr("allowed example.com can be reached from inside")))
      << run.err;
  EXPECT_THAT(run.err, HasSubstr("'ambit approve example.com', without --once, takes that denial "
                                 "back"));
}

TEST_P(NetAsk, AsksAboutAddressesAndEveryPort) {
  const Finished run = Run("", R"sh(
curl -sS -m 50 http://93.184.216.34/by-address
/usr/bin/python3 -c "import socket
print(socket.create_connection(('git.example', 22), 20).recv(99).decode().strip())"
)sh",
                           "waits 93.184.216.34:80; ambit approve 93.184.216.34\n"
                           "waits git.example:22; ambit approve git.example:22");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("/by-address at 93.184.216.34"), HasSubstr("SSH-2.0-outside")))
      << run.err;
}

TEST_P(NetAsk, NeverAboutWhatIsDeniedOrKnown) {
  const Finished run = Run("--deny www.example.com --allow example.com", R"sh(
curl -sS -m 50 http://www.example.com/; echo "denied $?"
curl -sS -m 50 http://example.com/known
)sh",
                           ":", "ambit audit show");
  EXPECT_THAT(run.out, AllOf(HasSubstr("denied 6\n"), HasSubstr("/known at example.com"),
                             Not(HasSubstr("net.held"))))
      << run.err;
}

TEST_P(NetAsk, WhatIsSaidForTheProjectHoldsInLaterRuns) {
  const Finished run = Run("", "curl -sS -m 50 http://example.com/now",
                           "waits example.com:80; ambit approve --project example.com:80", R"sh(
ambit run -q -- curl -sS -m 9 http://example.com/later
ambit run -q -- curl -sS -m 9 http://git.example/; echo "other $?"
mkdir ../elsewhere; cd ../elsewhere
ambit run -q -- curl -sS -m 9 http://example.com/; echo "elsewhere $?"
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/now at"), HasSubstr("/later at example.com"),
                             HasSubstr("other 6"), HasSubstr("elsewhere 6")))
      << run.err;
}

TEST_P(NetAsk, AlwaysIsInEveryProject) {
  const Finished run = Run("", "curl -sS -m 50 http://example.com/now",
                           "waits example.com:80; ambit approve --always example.com", R"sh(
mkdir ../elsewhere; cd ../elsewhere
ambit run -q -- curl -sS -m 9 http://example.com/later
ambit policy show | grep approved.toml
)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("/later at example.com"), HasSubstr("approved.toml")))
      << run.err;
}

TEST_P(NetAsk, ARuleMayBeGivenBeforeAnybodyAsks) {
  const Finished run = Run("--allow git.example:22", R"sh(
echo ready >ready; while ! curl -sS -m 50 http://example.com/given 2>/dev/null; do sleep 0.1; done
)sh",
                           "until ambit ps | grep -q r-; do sleep 0.05; done; sleep 0.3\n"
                           "ambit approve --run example.com:80");
  EXPECT_THAT(run.out, HasSubstr("/given at example.com")) << run.err;
}

TEST_P(NetAsk, WithoutAskingNothingIsHeldAndClosedPortsStayClosed) {
  person_.Write("project/inside.sh",
                "curl -sS -m 9 http://example.com/; echo \"refused $?\"\n"
                "touch /tmp/x; sleep 3\n");
  const Finished run = WithOutside(person_, fmt::format(R"sh(ambit() {{ '{}' "$@"; }}
ambit run -q --allow git.example:443 -- sh inside.sh >inside.out 2>&1 </dev/null &
run=$!
until ambit ps | grep -q r-; do sleep 0.05; done; sleep 0.5
ambit approve example.com:22; echo "closed $?"
ambit approve --once example.com:443; echo "nobody $?"
wait $run; cat inside.out)sh",
                                                        AmbitBinary()));
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("refused 6"), HasSubstr("closed 125"), HasSubstr("nobody 125")))
      << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("port 22 is closed in the run's own kernel"),
                             HasSubstr("nothing waits for 'example.com:443'")));
}

TEST_P(NetAsk, WhatNobodyAllowedAFlagWouldAllow) {
  const Finished run = Run("", R"sh(
curl -sS -m 50 http://example.com/
curl -sS -m 1 http://www.example.com:8080/
sleep 3
)sh",
                           "waits example.com:80; ambit why git.example:22\n"
                           "ambit deny --once example.com:80",
                           "echo over; ambit why; ambit why git.example:22; ambit why example.com");
  const std::string over = run.out.substr(std::min(run.out.size(), run.out.find("over\n")));
  EXPECT_THAT(run.out,
              ContainsRegex("allow   ambit approve r-[0-9a-z]+ git.example:22 now, --allow "
                            "git.example:22 in later runs\n"));
  EXPECT_THAT(over, AllOf(HasSubstr("because a person said no\nallow   --allow example.com\n"),
                          HasSubstr("because no rule names it, and it was given up before anybody "
                                    "answered\nallow   --allow www.example.com:8080\n"),
                          HasSubstr("allow   --allow git.example:22\n"),
                          Not(HasSubstr("ambit approve")), Not(HasSubstr("nothing allows it"))))
      << run.err;
}

TEST_P(NetAsk, ADenialOfAPersonSaysWhatTakesItBack) {
  const Finished run = Run("", "curl -sS -m 50 http://example.com/; sleep 3",
                           "waits example.com:80; ambit deny example.com\n"
                           "ambit deny --always www.example.com\n"
                           "ambit why example.com; ambit why www.example.com",
                           R"sh(
echo over; ambit why; ambit why example.com; ambit why www.example.com
ambit run -q --allow www.example.com -- true; ambit why www.example.com)sh");
  const std::string over = run.out.substr(std::min(run.out.size(), run.out.find("over\n")));
  EXPECT_THAT(run.out, AllOf(ContainsRegex("allow   ambit approve r-[0-9a-z]+ example.com, which "
                                           "takes that denial back\n"),
                             ContainsRegex("allow   ambit approve --always r-[0-9a-z]+ "
                                           "www.example.com, which takes that denial back\n")))
      << run.err;
  EXPECT_THAT(
      over,
      AllOf(HasSubstr("because example.com (ambit deny)\nallow   --allow example.com\n"),
            HasSubstr("www.example.com denies it (ambit deny --always)\n"),
            ContainsRegex("allow   take 'www.example.com' out of /[^\n]*/approved.toml\n"),
            ContainsRegex("allow   take 'www.example.com' out of /[^\n]*/approved.toml:[0-9:]+\n"),
            Not(HasSubstr("ambit approve")), Not(HasSubstr("nothing allows it"))))
      << run.err;
}

TEST_P(NetAsk, AnAnswerGoesToTheRunThatWaitsForIt) {
  const Finished run = Run("", R"sh(
curl -sS -m 50 http://example.com/first
curl -sS -m 50 http://www.example.com/second
)sh",
                           R"sh(waits example.com:80
ambit run -q -- sleep 30 >/dev/null 2>&1 </dev/null &
newer=$!
n=0; until [ "$(ambit ps | grep -c r-)" = 2 ] || [ $((n+=1)) -gt 200 ]; do sleep 0.05; done
ambit approve example.com; echo "approved $?"
waits www.example.com:80
ambit approve other.example; echo "nobody waits $?"
mkdir ../elsewhere
(cd ../elsewhere; ambit approve www.example.com; echo "elsewhere $?")
kill $newer; wait $newer
ambit approve www.example.com)sh");
  EXPECT_THAT(run.out, AllOf(HasSubstr("approved 0\n"), HasSubstr("nobody waits 125\n"),
                             HasSubstr("elsewhere 125\n"), HasSubstr("/first at example.com\n"),
                             HasSubstr("/second at www.example.com\n")))
      << run.err;
  EXPECT_THAT(
      run.err,
      AllOf(HasSubstr("started without a network"),
            ContainsRegex("no run of this project is going on[^\n]*\n?[^\n]*run r-[0-9a-z]+ of "
                          "[^\n]*/project waits for it: 'ambit approve r-[0-9a-z]+ "
                          "www.example.com'")));
}

TEST_P(NetAsk, WatchingSaysSoAndAQuestionMarkExplainsTheAnswers) {
  TerminalSession watch(person_, {"approve", "--watch"});
  watch.ShownUntil("ambit: watching all your runs");
  const pid_t run = person_.Start(
      {"run", "-q", "--ask", "--", "curl", "-sS", "-m", "50", "http://93.184.216.34/"}, "said");
  watch.ShownUntil("waits for 93.184.216.34:80");
  watch.ShownUntil("> ");
  watch.Type("?\n");
  watch.ShownUntil("in all runs from now on");
  watch.Type("n\n");
  watch.ShownUntil("denied once");
  EXPECT_EQ(::waitpid(run, nullptr, 0), run);
  watch.Type("\x03");
  watch.Wait();
}

TEST_P(NetAsk, ManyThatWaitAreBoundedAndTheRunGoesOn) {
  const Finished run = Run("", R"sh(
/usr/bin/python3 -c "import socket, time
held, reset = [], 0
for n in range(40):
    for again in range(5):
        s = socket.socket(); s.settimeout(9)
        try: s.connect(('93.184.216.34', 2000 + n)); s.setblocking(False); held.append(s)
        except ConnectionResetError: reset += 1
time.sleep(2)
for s in held:
    try: s.recv(1)
    except BlockingIOError: pass
    except ConnectionResetError: reset += 1
print('waiting', 200 - reset)"
)sh",
                           "waits '\"question\":26'; sleep 0.5\n"
                           "echo \"questions $(ambit approve --json | grep -c question)\"");
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("questions 26\n"), HasSubstr("waiting 128\n"), HasSubstr("run 0")))
      << run.err;
}

TEST_P(NetAsk, AsksAtTheTerminalThatNothingInsideReadsOrWrites) {
  TerminalSession session(
      person_,
      {"-c",
       fmt::format("'{}' run -q --ask -- curl -sS -m 50 http://93.184.216.34/ </dev/null >out "
                   "2>&1; echo \"end $?\"",
                   AmbitBinary())},
      "/bin/sh");
  session.ShownUntil("the run waits for 93.184.216.34:80");
  session.ShownUntil("> ");
  session.Type("yes\n");
  session.ShownUntil("'yes' is none of these");
  session.Type("?\n");
  session.ShownUntil("in all runs from now on");
  session.Type("n\n");
  const std::string shown = session.ShownUntil("end ");
  session.Wait();
  EXPECT_THAT(person_.Ambit({"audit", "show", "--denied"}).out,
              HasSubstr("93.184.216.34 port 80: a person said no"))
      << shown;
}

TEST_P(NetAsk, ALineTellsWhatWaitsWhereAProgramReadsLines) {
  TerminalSession session(person_, {"run", "-q", "--ask", "--", "bash", "--norc", "-c",
                                    "curl -sS -m 50 http://93.184.216.34/; echo \"end $?\""});
  session.ShownUntil("ambit: the run waits for 93.184.216.34:80: 'ambit approve r-");
  EXPECT_EQ(person_.Ambit({"deny", "93.184.216.34"}).exit_code, 0);
  session.ShownUntil("end ");
  session.Wait();
}

TEST_P(NetAsk, ALineTellsOfASecondQuestionAsWell) {
  person_.Write("project/two.py",
                "import socket\n"
                "two = [socket.create_connection(('93.184.216.34', n)) for n in (80, 81)]\n"
                "for one in two: one.settimeout(50)\n"
                "try: two[1].recv(1)\n"
                "except ConnectionResetError: print('reset')\n");
  TerminalSession session(person_, {"run", "-q", "--ask", "--", "bash", "--norc", "-c",
                                    "/usr/bin/python3 two.py; echo \"end $?\""});
  const std::string shown = session.ShownUntil("93.184.216.34:81");
  EXPECT_THAT(shown, HasSubstr("93.184.216.34:80"));
  EXPECT_EQ(person_.Ambit({"deny", "93.184.216.34"}).exit_code, 0);
  session.ShownUntil("end ");
  session.Wait();
}

class NetAskInALog : public NetAsk {
 protected:
  /// A run whose output and standard error are files; `beside` meanwhile.
  Finished RunToFiles(const std::string& flags, const std::string& inside,
                      const std::string& beside) {
    person_.Write("project/inside.sh", inside);
    return WithOutside(person_, fmt::format(R"sh(ambit() {{ '{}' "$@"; }}
eventually() {{ n=0; until eval "$1" || [ $((n+=1)) -gt 400 ]; do sleep 0.05; done; }}
ambit run {} --ask -- sh inside.sh >inside.out 2>ambit.err </dev/null &
run=$!
{}
ambit deny 93.184.216.34
wait $run; echo "run $?")sh",
                                            AmbitBinary(), flags, beside));
  }
};
INSTANTIATE_TEST_SUITE_P(As, NetAskInALog, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(NetAskInALog, ALineTellsWhatWaits) {
  const Finished run =
      RunToFiles("", "echo mine; curl -sS -m 50 http://93.184.216.34/ >&2; echo \"end $?\"",
                 "eventually 'grep -q \"the run waits\" ambit.err'");
  EXPECT_THAT(run.out, HasSubstr("run 0")) << run.err;
  EXPECT_THAT(person_.Read("project/ambit.err"),
              ContainsRegex("\nambit: the run waits for 93.184.216.34:80: 'ambit approve "
                            "r-[0-9a-z]+' elsewhere\n"));
  EXPECT_THAT(person_.Read("project/inside.out"), ContainsRegex("^mine\nend [0-9]+\n$"));
}

TEST_P(NetAskInALog, NothingIsToldQuietly) {
  const Finished run =
      RunToFiles("-q", "curl -sS -m 50 http://93.184.216.34/ >/dev/null 2>&1",
                 "eventually 'ambit approve --json 2>/dev/null | grep -q 93.184.216.34:80'");
  EXPECT_EQ(person_.Read("project/ambit.err"), "") << run.err;
}

TEST_P(NetAskInALog, NoQuestionOfManyGoesUntold) {
  const Finished run = RunToFiles("", R"sh(
/usr/bin/python3 -c "import socket, select
held = [socket.create_connection(('93.184.216.34', 2000 + n)) for n in range(7)]
for one in held: select.select([one], [], [], 50)"
)sh",
                                  // Those that are named, and the numbers of those that are not.
                                  R"sh(told() {
  awk '/the run waits for/ { n += gsub(/93.184.216.34:20/, "")
                             if (match($0, / and [0-9]+ more/)) n += substr($0, RSTART + 5) + 0 }
       END { print n + 0 }' ambit.err
}
eventually '[ "$(told)" -ge 7 ]'; echo "told $(told)")sh");
  const std::string told = person_.Read("project/ambit.err");
  EXPECT_THAT(run.out, HasSubstr("told 7\n")) << run.err << told;
  EXPECT_THAT(told, HasSubstr("the run waits for 93.184.216.34:2000"));
}

}  // namespace
}  // namespace ambit::testing
