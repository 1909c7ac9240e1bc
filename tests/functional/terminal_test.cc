// An interactive run: the agent has a pty of its own, the person's terminal comes back as it was.
#include <errno.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/run_ambit.h"
#include "support/terminal_session.h"

namespace ambit::testing {
namespace {

/// For a shell at a terminal.
std::string AmbitCommand() { return "'" + AmbitBinary() + "' run -q"; }

class Terminal : public ::testing::TestWithParam<Who> {
 protected:
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Terminal, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Terminal, IsAPtyOfTheRunWithTheSizeOfThePersons) {
  TerminalSession session(person_, {"run", "-q", "--", "sh", "-c", "tty; stty size"});
  const std::string shown = session.ShownUntil("33 99");
  EXPECT_NE(shown.find("/dev/pts/0"), std::string::npos) << shown;
  EXPECT_EQ(session.Wait(), 0);
  EXPECT_TRUE(session.TerminalIsAsBefore());
}

TEST_P(Terminal, InterruptReachesTheForegroundJobAndTheShellGoesOn) {
  TerminalSession session(person_, {"run", "-q", "--", "bash", "--norc", "-i"});
  session.ShownUntil("$ ");
  // One job that says itself that it is in the foreground: a shell's own echo would come too early.
  session.Type("sh -c 'echo started; exec sleep 100'\n");
  session.ShownUntil("started\r\n");
  session.Forget();
  session.Type("\x03");
  session.ShownUntil("$ ");  // the shell is back
  session.Type("echo it-$((40+2)); exit 7\n");
  session.ShownUntil("it-42");
  EXPECT_EQ(session.Wait(), 7);
  EXPECT_TRUE(session.TerminalIsAsBefore());
}

TEST_P(Terminal, AShellLeavesItsLoopWhenTheAgentIsInterrupted) {
  TerminalSession session(person_, {"--norc", "-i"}, "/bin/bash");
  session.Type("PS1='shell''> '\n");
  session.SkipTo("shell> ");
  session.Type("for i in 1 2; do " + AmbitCommand() +
               " -- sh -c 'echo started; exec sleep 100'; echo round-$?; done\n");
  session.SkipTo("started\r\n");
  session.Type("\x03");
  const std::string shown = session.ShownUntil("shell> ");
  EXPECT_EQ(shown.find("round-"), std::string::npos) << shown;
  session.SkipTo("shell> ");
  session.Type("echo it-was-$?; exit 7\n");
  session.ShownUntil("it-was-130");
  EXPECT_EQ(session.Wait(), 7);
  EXPECT_TRUE(person_.Ambit({"inspect"}).out.contains("signaled 130"));
}

TEST_P(Terminal, CanStillBeReadByWhatComesAfterTheRun) {
  person_.Write("script",
                "'" + AmbitBinary() + "' run -q -- true; echo over; read line; echo got-$line");
  TerminalSession session(person_, {person_.root() + "/script"}, "/bin/sh");
  session.ShownUntil("over\r\n");  // what is typed before the end is the agent's or nobody's
  session.Type("typed\n");
  session.ShownUntil("got-typed");
  EXPECT_EQ(session.Wait(), 0);
}

TEST_P(Terminal, FollowsAResize) {
  TerminalSession session(
      person_, {"run", "-q", "--", "bash", "-c",
                "trap 'stty size; exit 3' WINCH; echo waiting; while :; do sleep 0.1; done"});
  session.ShownUntil("waiting");
  session.Resize(44);
  session.ShownUntil("44 99");
  EXPECT_EQ(session.Wait(), 3);
}

TEST_P(Terminal, LeavesAPipeAPipe) {
  TerminalSession session(person_,
                          {"run", "-q", "--", "sh", "-c", "test -t 1 && echo out-is-terminal"});
  session.ShownUntil("out-is-terminal");
  EXPECT_EQ(session.Wait(), 0);
  const Finished piped = person_.Sh("test -t 1 || echo out-is-pipe");
  EXPECT_EQ(piped.out, "out-is-pipe\n");
}

constexpr const char* kSteering =
    "printf 'begin\\033]52;c;ZWNobw==\\007\\033]0;title\\007\\033P$qm\\033\\\\\\005\\033[21t"
    "\\033[6n\\033]8;;https://example.org\\007end'";

TEST_P(Terminal, ShowsNothingThatMakesItTypeOrActAndRecordsIt) {
  TerminalSession session(person_, {"run", "-q", "--", "sh", "-c", kSteering});
  const std::string shown = session.ShownUntil("end");
  EXPECT_NE(shown.find("begin\x1b[6n\x1b]8;;https://example.org\x07"
                       "end"),
            std::string::npos)
      << shown;
  EXPECT_EQ(session.Wait(), 0);
  const std::string journal =
      person_.Execute({"/bin/sh", "-c", "cat ~/.local/state/ambit/runs/*/journal.jsonl"}).out;
  EXPECT_NE(journal.find(R"("event":"terminal.dropped","sequences":["answerback: 1",)"
                         R"("window operation: 1","clipboard: 1","title: 1","device control: 1"])"),
            std::string::npos)
      << journal;
}

TEST_P(Terminal, ShowsEverythingWhenThePersonSaysSo) {
  TerminalSession session(person_, {"run", "--raw-terminal", "--", "sh", "-c", kSteering});
  const std::string shown = session.ShownUntil("end");
  EXPECT_NE(shown.find("begin\x1b]52;c;ZWNobw==\x07\x1b]0;title\x07\x1bP$qm\x1b\\\x05\x1b[21t"),
            std::string::npos)
      << shown;
  EXPECT_NE(shown.find("ambit: your terminal gets every byte"), std::string::npos) << shown;
  EXPECT_EQ(session.Wait(), 0);
}

TEST_P(Terminal, LeavesAPipeEveryByte) {
  person_.Write("project/bytes", "\x1b]52;c;eA==\x07\x05\x9b\xc2\x9d\r\n\x1a\x04", 0644);
  const std::string sent = person_.Read("project/bytes");
  const Finished piped =
      person_.Execute({"/bin/sh", "-c", "'" + AmbitBinary() + "' run -q -- cat < bytes"});
  EXPECT_EQ(piped.out, sent);
}

TEST_P(Terminal, IsWithoutTheModesThatTheAgentLeftOn) {
  TerminalSession session(
      person_, {"run", "-q", "--", "printf",
                "\\033[?1049h\\033[?1002;1006h\\033[?2004h\\033[?25l\\033[>1u\\033[?1hleft"});
  session.ShownUntil("left\x1b[<1u\x1b[?1049l\x1b[?1l\x1b[?25h\x1b[?1002l\x1b[?1006l\x1b[?2004l");
  EXPECT_EQ(session.Wait(), 0);
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::istringstream words(ReadWhole(fmt::format("/proc/{0}/task/{0}/children", pid)));
  return {std::istream_iterator<pid_t>(words), {}};
}

bool IsGone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

TEST_P(Terminal, IsAsBeforeWhenAmbitIsKilled) {
  TerminalSession session(person_, {"run", "-q", "--", "sh", "-c",
                                    "printf '\033[?1049h\033[?1000hinside'; exec sleep 100"});
  session.ShownUntil("inside");
  ASSERT_FALSE(session.TerminalIsAsBefore());
  const std::vector<pid_t> children = ChildrenOf(session.pid());
  EXPECT_EQ(children.size(), 3U);  // egress, init and the keeper
  ASSERT_EQ(::kill(session.pid(), SIGKILL), 0);
  EXPECT_EQ(session.Wait(), 128 + SIGKILL);
  session.ShownUntil("inside\x1b[?1049l\x1b[?1000l");
  EXPECT_TRUE(session.TerminalIsAsBefore());
  for (const pid_t child : children) {
    for (int i = 0; i < 1000 && !IsGone(child); ++i) ::usleep(10000);
    EXPECT_TRUE(IsGone(child)) << ReadWhole(fmt::format("/proc/{}/status", child));
  }
}

/// What a process has open: kind -> how many.
std::map<std::string, int> OpenKinds(pid_t pid) {
  std::map<std::string, int> kinds;
  std::error_code gone;
  for (const auto& fd :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), gone)) {
    const std::string target = std::filesystem::read_symlink(fd.path(), gone).string();
    ++kinds[target.substr(0, target.find_first_of(":0123456789"))];
  }
  return kinds;
}

/// What puts the terminal right has the terminal, one pipe, and nothing that it could do else.
TEST_P(Terminal, HasAKeeperThatCanDoNothingElse) {
  if (::geteuid() != 0) return;  // it is not dumpable: only root may look into it
  TerminalSession session(person_, {"run", "-q", "--", "sh", "-c", "echo inside; exec sleep 100"});
  session.ShownUntil("inside");
  const std::map<std::string, int> expected = {{"/dev/pts/", 3}, {"socket", 1}};
  pid_t keeper = 0;  // before the agent it was there
  for (const pid_t child : ChildrenOf(session.pid())) {
    const bool is_confined =
        ReadWhole(fmt::format("/proc/{}/status", child)).contains("\nSeccomp:\t2\n");
    if (is_confined && OpenKinds(child) == expected) keeper = child;
  }
  ASSERT_NE(keeper, 0);
  const std::string status = ReadWhole(fmt::format("/proc/{}/status", keeper));
  for (const char* line : {"\nNoNewPrivs:\t1\n", "\nCapEff:\t0000000000000000\n",
                           "\nCapPrm:\t0000000000000000\n", "\nCapInh:\t0000000000000000\n"}) {
    EXPECT_TRUE(status.contains(line)) << line << status;
  }
  EXPECT_FALSE(ReadWhole(fmt::format("/proc/{}/environ", keeper)).contains("HOME"));
  session.Type("\x03");
  EXPECT_EQ(session.Wait(), 130);
  EXPECT_TRUE(IsGone(keeper));
}

TEST_P(Terminal, IsTheShellsWhileTheRunIsSuspended) {
  TerminalSession session(person_, {"--norc", "-i"}, "/bin/bash");
  session.Type("PS1='shell''> '\n");
  session.SkipTo("shell> ");
  session.Type(AmbitCommand() + " -- sh -c 'echo started; while read l; do echo got-$l; done'\n");
  session.SkipTo("started\r\n");
  session.Type("\x1a");
  session.SkipTo("Stopped");
  session.SkipTo("shell> ");
  session.Type("echo out$((1+1))side\n");
  session.SkipTo("out2side\r\n");
  session.SkipTo("shell> ");
  session.Type("fg\n");
  EXPECT_TRUE(session.BecomesRaw());
  session.Type("again\n");
  session.SkipTo("got-again");
  session.Type("\x04");
  session.SkipTo("shell> ");
  session.Type("exit 4\n");
  EXPECT_EQ(session.Wait(), 4);
}

/// Told once and before it goes on: a program that hears it while it draws may drop a key that is
/// typed meanwhile. Thirty times, as it is a matter of microseconds.
TEST_P(Terminal, HasTheProgramThatGoesOnDrawAnewFromTheFirst) {
  person_.Write("project/stops.py",
                "import os, signal\n"
                "drawn = {signal.SIGWINCH}\n"
                "signal.pthread_sigmask(signal.SIG_BLOCK, drawn)\n"
                "first = again = 0\n"
                "for _ in range(30):\n"
                "    os.kill(os.getpid(), signal.SIGSTOP)\n"
                "    first += signal.SIGWINCH in signal.sigpending()\n"
                "    signal.sigwait(drawn)\n"
                "    again += signal.sigtimedwait(drawn, 0.02) is not None\n"
                "print('first', first, 'again', again)\n");
  TerminalSession session(person_, {"--norc", "-i"}, "/bin/bash");
  session.Type("PS1='shell''> '\n");
  session.SkipTo("shell> ");
  session.Type(AmbitCommand() + " -- python3 stops.py\n");
  for (int i = 0; i < 30; ++i) {
    session.SkipTo("Stopped");
    session.SkipTo("shell> ");
    session.Type("fg\n");
  }
  session.SkipTo("first 30 again 0\r\n");
  session.SkipTo("shell> ");
  session.Type("exit 7\n");
  EXPECT_EQ(session.Wait(), 7);
}

TEST_P(Terminal, GivesInputToARunThatComesToTheForeground) {
  TerminalSession session(person_, {"--norc", "-i"}, "/bin/bash");
  session.Type("PS1='shell''> '\n");
  session.SkipTo("shell> ");
  session.Type(AmbitCommand() + " -- sh -c 'echo started; read l; echo got-$l' &\n");
  session.SkipTo("started\r");
  session.Type("echo out$((1+1))side\n");  // the shell's, not the run's
  session.SkipTo("out2side\r\n");
  session.SkipTo("shell> ");
  session.Type("fg\n");
  EXPECT_TRUE(session.BecomesRaw());
  session.Type("typed\n");
  session.SkipTo("got-typed");
  session.SkipTo("shell> ");
  session.Type("exit 5\n");
  EXPECT_EQ(session.Wait(), 5);
}

TEST_P(Terminal, StopsTheAgentWithTheRunThatHasNoInputFromIt) {
  TerminalSession session(person_, {"--norc", "-i"}, "/bin/bash");
  session.Type("PS1='shell''> '\n");
  session.SkipTo("shell> ");
  // The agent writes to a file what it does not do while it is stopped. It is bash: dash starts
  // programs by vfork(2), and cannot be stopped while its child is, before it is one.
  person_.Write("count.sh", "echo started; i=0; while sleep 0.01; do i=$((i+1)); echo $i; done\n");
  session.Type(AmbitCommand() + " --ro " + person_.root() + "/count.sh -- bash " + person_.root() +
               "/count.sh < /dev/null > " + person_.root() + "/counted\n");
  for (int i = 0; i < 1000 && !person_.Read("counted").contains("\n3\n"); ++i) ::usleep(10000);
  session.Type("\x1a");
  session.SkipTo("Stopped");
  const std::string counted = person_.Read("counted");
  ::usleep(300000);  // thirty times as long as it takes to count on
  EXPECT_EQ(person_.Read("counted"), counted);
  session.SkipTo("shell> ");
  session.Type("bg\n");
  for (int i = 0; i < 1000 && person_.Read("counted") == counted; ++i) ::usleep(10000);
  EXPECT_NE(person_.Read("counted"), counted);
  session.Type("kill %1; wait; exit 6\n");
  EXPECT_EQ(session.Wait(), 6);
}

}  // namespace
}  // namespace ambit::testing
