// `ambit diff` as people use it: some paths only, colour, a pager, and what the gate will hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Diff : public ::testing::TestWithParam<Who> {
 protected:
  Diff() {
    person_.Write("project/ambit.toml", "");
    person_.Write("project/src/a.txt", "one\ntwo\n");
    person_.Write("project/src/b.txt", "b\n");
    person_.Write("project/docs/c.txt", "c\n");
    person_.Write("project/package.json", R"({"scripts":{"test":"t"}})");
  }
  Finished Show(std::vector<std::string> arguments, const std::string& cwd = {},
                const std::map<std::string, std::string>& environment = {}) {
    arguments.insert(arguments.begin(), "diff");
    return person_.Ambit(std::move(arguments), cwd, environment);
  }
  /// `ambit ARGUMENTS` on a terminal of its own, with `typed` on its keyboard.
  Finished OnTerminal(const std::string& arguments, const std::string& typed,
                      std::map<std::string, std::string> environment) {
    return person_.Execute({"sh", "-c",
                            "(sleep 0.5; printf '" + typed + "'; sleep 0.5) | script -qec '" +
                                AmbitBinary() + " " + arguments + "; echo ended $?' /dev/null"},
                           {}, std::move(environment));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Diff, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Diff, ShowsOnlyThePathsThatAreAskedFor) {
  ASSERT_EQ(
      person_.Sh("echo x >> src/a.txt; rm src/b.txt; echo x > docs/d.txt; echo x > srcs").exit_code,
      0);
  EXPECT_EQ(Show({"--name-status"}).out, "A\tdocs/d.txt\nM\tsrc/a.txt\nD\tsrc/b.txt\nA\tsrcs\n");
  EXPECT_EQ(Show({"--name-status", "--", "src"}).out, "M\tsrc/a.txt\nD\tsrc/b.txt\n");
  EXPECT_EQ(Show({"--name-status", "src/", "docs/d.txt"}).out,
            "A\tdocs/d.txt\nM\tsrc/a.txt\nD\tsrc/b.txt\n");
  EXPECT_EQ(Show({"--name-status", "--", "b.txt", "../docs"}, person_.project() + "/src").out,
            "A\tdocs/d.txt\nD\tsrc/b.txt\n");
  EXPECT_EQ(Show({"--name-status", "--", "."}, person_.project() + "/src").out,
            "M\tsrc/a.txt\nD\tsrc/b.txt\n");
  EXPECT_EQ(Show({"--name-status", "--", person_.project() + "/docs"}).out, "A\tdocs/d.txt\n");
  EXPECT_EQ(Show({"--", "src/b.txt"}).out,
            "diff --git a/src/b.txt b/src/b.txt\ndeleted file mode 100644\n--- a/src/b.txt\n"
            "+++ /dev/null\n@@ -1 +0,0 @@\n-b\n");
  const Finished nothing = Show({"--name-status", "--", "docs/c.txt"});
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_EQ(nothing.out, "");
  EXPECT_THAT(nothing.err, HasSubstr("changed nothing of these paths"));
  for (const char* slip : {"nothing/here", "r-abc", "src/a.txt/x"}) {
    const Finished typo = Show({"--name-status", slip});
    EXPECT_EQ(typo.exit_code, 125) << slip;
    EXPECT_EQ(typo.out, "");
    EXPECT_THAT(typo.err, HasSubstr(std::string("'") + slip + "' is no run")) << slip;
  }
  for (const char* path : {"../x", "/etc/passwd", "src/../../x"}) {
    const Finished refused = Show({"--", path});
    EXPECT_EQ(refused.exit_code, 125) << path;
    EXPECT_THAT(refused.err, HasSubstr("is not in the project")) << path;
  }
}

TEST_P(Diff, ANamedRunAndPathsGoTogether) {
  ASSERT_EQ(person_.Sh("echo 1 > src/new").exit_code, 0);
  const std::string listed = person_.Ambit({"ps", "-a"}).out;
  const std::string id = listed.substr(listed.find("r-"), 10);
  ASSERT_EQ(person_.Sh("echo 2 > src/newer; echo 2 > other").exit_code, 0);
  EXPECT_EQ(Show({"--name-status", id, "--", "src"}).out, "A\tsrc/new\n");
  EXPECT_EQ(Show({"--name-status", id, "--", "src"}, person_.home()).out, "A\tsrc/new\n")
      << "from elsewhere paths begin at the project";
  EXPECT_EQ(Show({"--name-status", "--", "src"}).out, "A\tsrc/newer\n");
  EXPECT_EQ(Show({"--name-status", "--", "other", "src"}).out, "A\tother\nA\tsrc/newer\n");
  EXPECT_EQ(Show({"--name-status", id, "src", "other"}).out, "A\tsrc/new\n");
}

TEST_P(Diff, ColoursAsGitDoes) {
  ASSERT_EQ(person_.Sh("printf 'one\\n2\\033[5m\\n' > src/a.txt").exit_code, 0);
  const std::string coloured =
      "\033[1mdiff --git a/src/a.txt b/src/a.txt\033[m\n\033[1m--- a/src/a.txt\033[m\n"
      "\033[1m+++ b/src/a.txt\033[m\n\033[36m@@ -1,2 +1,2 @@\033[m\n one\n\033[31m-two\033[m\n"
      "\033[32m+2\\x1b[5m\033[m\n";
  EXPECT_EQ(Show({"--color", "always"}).out, coloured);
  EXPECT_THAT(Show({"--color", "always", "--stat"}).out, HasSubstr("\033[32m+\033[m\033[31m-"));
  EXPECT_THAT(Show({}).out, Not(HasSubstr("\033[1m"))) << "not a terminal";
  EXPECT_THAT(Show({}).out, HasSubstr("+2\033[5m\n")) << "a patch keeps its bytes";
  EXPECT_THAT(OnTerminal("diff --no-pager", "", {{"TERM", "xterm"}}).out,
              AllOf(HasSubstr("\033[31m-two\033[m"), Not(HasSubstr("\033[5m"))));
  for (const auto& environment : {std::map<std::string, std::string>{{"TERM", "dumb"}},
                                  {{"TERM", "xterm"}, {"NO_COLOR", "1"}}}) {
    EXPECT_THAT(OnTerminal("diff --no-pager", "", environment).out,
                AllOf(HasSubstr("+2\\x1b[5m"), Not(HasSubstr("\033["))));
  }
  EXPECT_EQ(Show({"--color", "sometimes"}).exit_code, 125);
}

TEST_P(Diff, PagesOnATerminalWithTheSystemsPagerOnly) {
  ASSERT_EQ(person_.Sh("seq 1 500 > src/a.txt; echo x > AGENTS.md").exit_code, 0);
  person_.Write("home/pager", "#!/bin/sh\ntouch " + person_.root() + "/started\n", 0755);
  const std::map<std::string, std::string> environment = {
      {"TERM", "xterm"},
      {"PAGER", person_.home() + "/pager"},
      {"GIT_PAGER", person_.home() + "/pager"},
      {"LESSOPEN", "|" + person_.home() + "/pager %s"}};
  const Finished left = OnTerminal("diff", "q", environment);
  EXPECT_THAT(left.out, AllOf(HasSubstr("+10"), Not(HasSubstr("+499")), HasSubstr("AGENTS.md ("),
                              HasSubstr("ended 0")));
  EXPECT_FALSE(person_.Exists("started"));
  const Finished whole = OnTerminal("diff --no-pager", "", environment);
  EXPECT_THAT(whole.out, AllOf(HasSubstr("+500"), HasSubstr("ended 0")));
  const Finished one_screen = OnTerminal("diff --name-status", "", environment);
  EXPECT_THAT(one_screen.out, AllOf(HasSubstr("src/a.txt"), HasSubstr("ended 0")));
}

TEST_P(Diff, NamesWhatTheGateWillHold) {
  const Finished run = person_.Sh(
      "echo x >> src/a.txt; mkdir -p sub/.vscode .GIT~1; echo '{}' > sub/.vscode/tasks.json; "
      "echo x > Makefile; ln -s src .claude; ln -s ../src/a.txt docs/link; "
      "echo '{\"scripts\":{\"test\":\"t\",\"postinstall\":\"x\"}}' > package.json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  for (const char* form : {"--name-status", "--stat"}) {
    const Finished shown = Show({form});
    EXPECT_EQ(shown.exit_code, 0);
    EXPECT_THAT(shown.err,
                AllOf(HasSubstr("held back by 'ambit apply'"), HasSubstr("sub/.vscode/tasks.json"),
                      HasSubstr("  .claude ("), HasSubstr("package.json (its lifecycle scripts"),
                      HasSubstr("when somebody builds or tests:\nambit:   Makefile ("),
                      Not(HasSubstr("a.txt")), Not(HasSubstr("docs/link"))));
    EXPECT_THAT(shown.out, Not(HasSubstr("held")));
  }
  EXPECT_EQ(Show({"--json"}).err, "");
  EXPECT_THAT(Show({"--name-status", "--", "src/a.txt"}).err,
              ::testing::MatchesRegex("ambit: run r-[0-9a-z]+ of [0-9:]+ \\(sh\\)\n"));
}

TEST_P(Diff, CountsOneLineAsOne) {
  ASSERT_EQ(person_.Sh("echo new > one").exit_code, 0);
  EXPECT_THAT(Show({"--stat"}).out, HasSubstr(" 1 changed, 1 line added, 0 removed\n"));
}

TEST_P(Diff, AnOrdinaryEditOfAPackageIsNotHeld) {
  ASSERT_EQ(person_.Sh("echo '{\"version\":\"2\",\"scripts\":{\"test\":\"t2\"}}' > package.json")
                .exit_code,
            0);
  EXPECT_THAT(Show({}).err,
              AllOf(HasSubstr("package.json (names what is"), Not(HasSubstr("held back"))));
}

}  // namespace
}  // namespace ambit::testing
