// What the launcher hands over can be a door: standard streams, limits, markers of others.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

class Door : public ::testing::TestWithParam<Who> {
 protected:
  /// Runs ambit with what `make` (python) leaves in `stream` as its standard input; its exit code.
  std::string ExitCodeWithInput(const std::string& make) const {
    const Finished done =
        person_.Execute({"python3", "-c",
                         "import socket, subprocess, sys\n" + make +
                             "\nprint(subprocess.run([sys.argv[1], 'run', '-q', '--', 'true'], "
                             "stdin=stream).returncode)",
                         AmbitBinary()});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Door, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Door, ASocketOfTheHostsNetworkIsNoStandardStream) {
  EXPECT_EQ(ExitCodeWithInput("listener = socket.create_server(('127.0.0.1', 0))\n"
                              "stream = socket.create_connection(listener.getsockname())"),
            "125\n");
  EXPECT_EQ(ExitCodeWithInput("stream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"),
            "125\n");
  EXPECT_EQ(ExitCodeWithInput("stream = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)"),
            "125\n");
}

TEST_P(Door, ASocketThatLeadsToItsOnePeerIsAStandardStream) {
  EXPECT_EQ(ExitCodeWithInput("stream, peer = socket.socketpair()"), "0\n");
}

TEST_P(Door, TheCoreLimitStaysAtTheValueThatKeepsTheHostsHandlerOut) {
  const Finished run = person_.Sh(
      "ulimit -c 0 && python3 -c 'import resource\n"
      "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
      "print(resource.getrlimit(resource.RLIMIT_CORE))'");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "(1, 1)\n");
}

TEST_P(Door, TheLimitsOfInitAreNotTheAgents) {
  const Finished run = person_.Sh(
      "python3 -c 'import resource\n"
      "resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))'");
  EXPECT_NE(run.exit_code, 0);
  EXPECT_NE(run.err.find("not permitted"), std::string::npos) << run.err;
}

TEST_P(Door, ATracedAgentThatStopsHasNotEnded) {
  const Finished run = person_.Sh(
      "python3 -c 'import ctypes, os, signal\n"
      "ctypes.CDLL(None).ptrace(0, 0, 0, 0)\n"  // PTRACE_TRACEME: init is the tracer
      "signal.signal(signal.SIGUSR1, signal.SIG_DFL)\n"
      "os._exit(7)'");
  EXPECT_EQ(run.exit_code, 7) << run.err;
}

/// Only root can make a directory in which somebody else has left something.
class ForeignMarker : public Door {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ForeignMarker);
INSTANTIATE_TEST_SUITE_P(As, ForeignMarker,
                         ::testing::ValuesIn(::geteuid() == 0 ? Everyone() : std::vector<Who>{}),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ForeignMarker, DoesNotMakeItsDirectoryTheProject) {
  person_.Write("shared/private/secret", "for nobody\n", 0600);
  person_.Write("shared/work/file", "x\n");
  const std::string shared = person_.root() + "/shared";
  std::filesystem::create_directory(shared + "/.git");
  constexpr uid_t kSomebody = 64000;
  ASSERT_EQ(::chown((shared + "/.git").c_str(), kSomebody, kSomebody), 0);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "sh", "-c", "cat ../private/secret; test -e file && echo here"},
      shared + "/work");
  EXPECT_EQ(run.out, "here\n") << run.err;
  // The control: a marker of the person's own does.
  ASSERT_EQ(::chown((shared + "/.git").c_str(), 0, 0), 0);
  const Finished control =
      person_.Ambit({"run", "-q", "--", "sh", "-c", "cat ../private/secret"}, shared + "/work");
  EXPECT_EQ(control.out, "for nobody\n") << control.err;
}

}  // namespace
}  // namespace ambit::testing
