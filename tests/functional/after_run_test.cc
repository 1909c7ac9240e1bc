// What is asked when an interactive run is over, and what each answer does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/run_ambit.h"
#include "support/terminal_session.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kQuestion = "apply, review, keep or discard? [keep]";

class AfterRun : public ::testing::TestWithParam<Who> {
 protected:
  AfterRun() {
    person_.Write("project/file.txt", "host\n");
    person_.Write("project/old.txt", "host\n");
  }

  std::vector<std::string> Command(const std::string& script) const {
    return {"run", "--", "/bin/sh", "-c", script};
  }
  std::string Changes() { return person_.Ambit({"diff", "--name-status"}).out; }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, AfterRun, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

constexpr const char* kThreeChanges =
    "echo new > added; echo inside > file.txt; rm old.txt; exit 3";

TEST_P(AfterRun, SaysWhatChangedAndKeepsByDefault) {
  const std::string before = person_.Fingerprint();
  TerminalSession session(person_, Command(kThreeChanges));
  EXPECT_THAT(session.ShownUntil(kQuestion),
              AllOf(HasSubstr("changed 3 files (1 added, 1 modified, 1 deleted)"),
                    HasSubstr("A\tadded"), HasSubstr("M\tfile.txt"), HasSubstr("D\told.txt")));
  session.Type("\n");
  session.ShownUntil("kept: 'ambit apply r-");
  EXPECT_EQ(session.Wait(), 3);
  EXPECT_TRUE(session.TerminalIsAsBefore());
  EXPECT_EQ(person_.Fingerprint(), before);
  EXPECT_EQ(Changes(), "A\tadded\nM\tfile.txt\nD\told.txt\n");
}

TEST_P(AfterRun, AppliesAndTheExitCodeStaysTheAgents) {
  TerminalSession session(person_, Command(kThreeChanges));
  session.ShownUntil(kQuestion);
  session.Type("apply\n");
  EXPECT_EQ(session.Wait(), 3);
  EXPECT_EQ(person_.Read("project/file.txt"), "inside\n");
  EXPECT_EQ(person_.Read("project/added"), "new\n");
  EXPECT_FALSE(person_.Exists("project/old.txt"));
}

TEST_P(AfterRun, AsksForWhatTheGateHolds) {
  const std::string script =
      "mkdir .vscode; echo {} > .vscode/tasks.json; echo x > added; "
      "echo 'echo hi' > .envrc";
  TerminalSession session(person_, Command(script));
  EXPECT_THAT(session.ShownUntil(kQuestion),
              HasSubstr("2 changed paths the host would act on by itself"));
  session.Type("a\n");
  session.ShownUntil(".envrc");
  session.ShownUntil("Apply it too? [y/N]");
  session.Forget();
  session.Type("n\n");
  EXPECT_THAT(session.ShownUntil("Apply it too? [y/N]"), HasSubstr(".vscode/tasks.json"));
  session.Type("y\n");
  session.ShownUntil("held .envrc");
  EXPECT_EQ(session.Wait(), 0);
  EXPECT_TRUE(person_.Exists("project/added"));
  EXPECT_TRUE(person_.Exists("project/.vscode/tasks.json"));
  EXPECT_FALSE(person_.Exists("project/.envrc"));
}

TEST_P(AfterRun, TellsOfConflictsAndLeavesTheHostsVersion) {
  TerminalSession session(person_, Command("echo inside > file.txt; echo x > added"));
  session.ShownUntil(kQuestion);
  person_.Write("project/file.txt", "the host's newer one\n");
  session.Type("a\n");
  session.ShownUntil("conflict file.txt");
  EXPECT_EQ(session.Wait(), 0);
  EXPECT_EQ(person_.Read("project/file.txt"), "the host's newer one\n");
  EXPECT_TRUE(person_.Exists("project/added"));
}

TEST_P(AfterRun, ShowsTheDiffAndAsksAgain) {
  TerminalSession session(person_, Command("echo inside > file.txt"));
  session.ShownUntil(kQuestion);
  session.Forget();
  session.Type("r\n");
  session.ShownUntil("inside");
  session.ShownUntil(kQuestion);
  session.Forget();
  session.Type("what?\n");
  session.ShownUntil("cannot be taken back");
  session.ShownUntil(kQuestion);
  session.Type("discard\n");
  session.ShownUntil("is discarded");
  EXPECT_EQ(session.Wait(), 0);
  EXPECT_EQ(person_.Read("project/file.txt"), "host\n");
  EXPECT_THAT(person_.Ambit({"ps", "-a"}).out, HasSubstr("discarded"));
}

TEST_P(AfterRun, InterruptAndTheEndOfInputKeep) {
  for (const char* key : {"\x03", "\x04"}) {
    TerminalSession session(person_, Command("echo inside > file.txt; exit 5"));
    session.ShownUntil(kQuestion);
    session.Type(key);
    session.ShownUntil("kept:");
    EXPECT_EQ(session.Wait(), 5);
    EXPECT_EQ(Changes(), "M\tfile.txt\n");
  }
}

TEST_P(AfterRun, WhatIsReviewedDoesNotFollowTheAgentsOutput) {
  TerminalSession session(person_, Command("exec 3>/dev/null; echo inside > file.txt"));
  session.ShownUntil(kQuestion);
  session.Type("k\n");
  EXPECT_EQ(session.Wait(), 0);

  person_.Write("script",
                "exec '" + AmbitBinary() +
                    "' run -- /bin/sh -c 'echo of the agent; echo inside > file.txt' > '" +
                    person_.home() + "/out'");
  TerminalSession redirected(person_, {person_.root() + "/script"}, "/bin/sh");
  redirected.ShownUntil(kQuestion);
  redirected.Type("a\n");
  redirected.ShownUntil("M file.txt");
  EXPECT_EQ(redirected.Wait(), 0);
  EXPECT_EQ(person_.Read("home/out"), "of the agent\n");
}

TEST_P(AfterRun, AsksNothingWhenNothingIsToBeDecided) {
  const std::vector<std::vector<std::string>> runs = {
      {"run", "--", "true"},
      {"run", "-q", "--", "/bin/sh", "-c", "echo x > made"},
      {"run", "--project", "ro", "--", "/bin/sh", "-c", "echo x > /tmp/made"},
      {"run", "--", "/bin/sh", "-c", "echo x > made; kill -TERM $$"},
      {"run", "--", "no-such-command"},
      {"run", "--ro", "/no/such/path", "--", "true"}};
  for (const std::vector<std::string>& run : runs) {
    TerminalSession session(person_, run);
    session.Wait();
    EXPECT_THAT(session.ShownAtTheEnd(), Not(HasSubstr("keep or discard"))) << run.back();
  }
}

TEST_P(AfterRun, NamesTheBranchesThatHeadHasNot) {
  person_.MakeGitProject();
  const std::string branch =
      "git -c user.name=A -c user.email=a@b commit -q --allow-empty -m x; git switch -q -";
  TerminalSession session(person_, Command("git switch -q -c fix; " + branch + "; echo x > made"));
  EXPECT_THAT(session.ShownUntil(kQuestion),
              AllOf(HasSubstr("not on the host: fix\r\n"), HasSubstr("--from fix' brings one")));
  session.Type("k\n");
  EXPECT_EQ(session.Wait(), 0);
  TerminalSession alone(person_, Command("git switch -q -c alone; " + branch));
  EXPECT_EQ(alone.Wait(), 0);
  EXPECT_THAT(alone.ShownAtTheEnd(),
              AllOf(HasSubstr("of git alone"), HasSubstr("not on the host: alone\r\n")));
}

TEST_P(AfterRun, AsksNothingWithoutATerminal) {
  const Finished run = person_.Ambit(Command("echo x > made"));
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_THAT(run.err, Not(HasSubstr("discard")));
  person_.Write("script", "CI=true exec '" + AmbitBinary() + "' run -- /bin/sh -c 'echo x > made'");
  TerminalSession automated(person_, {person_.root() + "/script"}, "/bin/sh");
  EXPECT_EQ(automated.Wait(), 0);
  EXPECT_THAT(automated.ShownAtTheEnd(), Not(HasSubstr("keep or discard")));
}

}  // namespace
}  // namespace ambit::testing
