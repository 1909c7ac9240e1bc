// An interactive run: the agent has a pty of its own, the person's terminal comes back as it was.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "support/run_ambit.h"
#include "support/terminal_session.h"

namespace ambit::testing {
namespace {

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

TEST_P(Terminal, CanStillBeReadByWhatComesAfterTheRun) {
  person_.Write("script", "'" + AmbitBinary() + "' run -q -- true; read line; echo got-$line");
  TerminalSession session(person_, {person_.root() + "/script"}, "/bin/sh");
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  session.Type("typed\n");
  session.ShownUntil("got-typed");
  EXPECT_EQ(session.Wait(), 0);
}

TEST_P(Terminal, FollowsAResize) {
  TerminalSession session(
      person_, {"run", "-q", "--", "bash", "-c",
                "trap 'stty size' WINCH; echo waiting; for i in $(seq 100); do sleep 0.1; done"});
  session.ShownUntil("waiting");
  session.Resize(44);
  session.ShownUntil("44 99");
  session.Type("\x03");
  session.Wait();
}

TEST_P(Terminal, LeavesAPipeAPipe) {
  TerminalSession session(person_,
                          {"run", "-q", "--", "sh", "-c", "test -t 1 && echo out-is-terminal"});
  session.ShownUntil("out-is-terminal");
  EXPECT_EQ(session.Wait(), 0);
  const Finished piped = person_.Sh("test -t 1 || echo out-is-pipe");
  EXPECT_EQ(piped.out, "out-is-pipe\n");
}

}  // namespace
}  // namespace ambit::testing
