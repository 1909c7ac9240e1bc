// What review says of a run beside its changes: which run has them, what it leaves out, and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/terminal_session.h"

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ReviewHints : public ApplyTest {
 protected:
  ReviewHints() {
    person_.Write("project/a.txt", "one\n");
    person_.Write("project/b.txt", "one\n");
  }
  std::string NewestRun() const {
    const std::string shown = person_.Ambit({"inspect"}).out;
    return shown.substr(shown.find("r-"), 10);
  }
};
INSTANTIATE_TEST_SUITE_P(As, ReviewHints, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ReviewHints, AnOlderRunThatChangedThePathIsNamed) {
  Run("echo two > a.txt; echo new > fresh");
  const std::string older = NewestRun();
  Run("echo two > b.txt");
  EXPECT_THAT(person_.Ambit({"diff", "a.txt"}).err,
              AllOf(HasSubstr("has nothing for these paths; run " + older),
                    HasSubstr(" has 1 change: ambit diff " + older + " -- a.txt\n"),
                    Not(HasSubstr("changed nothing"))));
  EXPECT_THAT(person_.Ambit({"diff", "fresh"}).err,
              HasSubstr("ambit diff " + older + " -- fresh\n"));
  EXPECT_THAT(ApplyYes({"--", "a.txt"}).err, HasSubstr("ambit apply " + older + " -- a.txt\n"));
  EXPECT_THAT(person_.Ambit({"diff", "b.txt"}).err, Not(HasSubstr(older)));
  const Finished nobody = person_.Ambit({"diff", "no-such"});
  EXPECT_EQ(nobody.exit_code, 125);
  EXPECT_THAT(nobody.err, Not(HasSubstr(older)));
}

TEST_P(ReviewHints, ARunThatNeverStartedIsNotTheOneThatIsMeant) {
  Run("echo two > a.txt");
  const std::string older = NewestRun();
  ASSERT_EQ(person_.Ambit({"run", "-q", "--", "no-such-command"}).exit_code, 127);
  ASSERT_EQ(person_.Ambit({"run", "-q", "--", "/etc/passwd"}).exit_code, 126);
  EXPECT_NE(NewestRun(), older);  // inspect tells of the one that failed
  EXPECT_THAT(person_.Ambit({"diff"}).out, HasSubstr("+two\n"));
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_EQ(person_.Read("project/a.txt"), "two\n");
  Run("true");  // one that ran and did nothing is meant
  EXPECT_THAT(person_.Ambit({"diff"}).err, HasSubstr(NewestRun()));
}

TEST_P(ReviewHints, AnEditOfTheHostsIsNotTakenForTheRuns) {
  Run("echo run >> a.txt; echo run >> b.txt");
  EXPECT_THAT(person_.Ambit({"diff"}).err, Not(HasSubstr("you changed")));
  ASSERT_EQ(Host("sed -i s/one/mine/ a.txt").exit_code, 0);
  EXPECT_THAT(person_.Ambit({"diff"}).err, HasSubstr("ambit: you changed a.txt, too, since"));
  EXPECT_THAT(person_.Ambit({"diff", "b.txt"}).err, Not(HasSubstr("you changed")));
  EXPECT_THAT(person_.Ambit({"diff", "--json"}).err, Not(HasSubstr("you changed")));
}

TEST_P(ReviewHints, WhatStaysBelowACopyOnWriteDirectoryIsSaid) {
  person_.Write("data/file", "host\n");
  const std::string data = person_.root() + "/data";
  ASSERT_EQ(person_.Sh("true", {"--cow", data}).exit_code, 0);
  EXPECT_THAT(person_.Ambit({"diff"}).err, Not(HasSubstr("wrote below")));
  ASSERT_EQ(person_.Sh("echo run > " + data + "/file", {"--cow", data}).exit_code, 0);
  const std::string said =
      "run " + NewestRun() + " wrote below " + data + ": that stays in the run";
  EXPECT_THAT(person_.Ambit({"diff"}).err,
              AllOf(HasSubstr(said), HasSubstr("'ambit discard " + NewestRun() + "' drops it")));
  EXPECT_THAT(person_.Ambit({"diff", NewestRun()}).err, HasSubstr(said));
  EXPECT_THAT(ApplyYes().err, HasSubstr(said));
}

TEST_P(ReviewHints, HowHeldFilesComeIsSaidOnce) {
  Run("mkdir .vscode; echo 1 > .vscode/tasks.json; echo 2 > .vscode/settings.json");
  const std::string way = "ambit: 2 files held: '--consent PATH'";
  for (const Finished& done : {ApplyYes({"--dry-run"}), ApplyYes()}) {
    EXPECT_THAT(done.err, HasSubstr(way));
    EXPECT_EQ(done.err.find("--consent"), done.err.rfind("--consent"));
  }
  const Finished all = ApplyYes({"--consent", ".vscode"});
  EXPECT_EQ(all.exit_code, 0) << all.out;
  EXPECT_THAT(all.err, Not(HasSubstr("--consent")));
}

TEST_P(ReviewHints, AHeldChangeIsShownBeforeItsQuestionAndASecretOneNever) {
  person_.Write("project/.env", "A=real\nB=real\n");
  Run("sed -i s/^B=.*/B=of-the-run/ .env; mkdir .vscode; echo of-the-run > .vscode/tasks.json");
  TerminalSession terminal(person_, {"apply", "-i"});
  EXPECT_THAT(terminal.ShownUntil(".env: a secret file: a consent"), Not(HasSubstr("of-the-run")));
  EXPECT_THAT(terminal.ShownUntil("Apply it too? [y/N/?]"),
              AllOf(HasSubstr(".env: a secret file, its content is not shown"),
                    Not(HasSubstr("of-the-run")), Not(HasSubstr("real"))));
  terminal.Forget();
  terminal.Type("n\n");
  EXPECT_THAT(terminal.ShownUntil("Apply it too? [y/N/?]"), HasSubstr("+of-the-run"));
  terminal.Type("y\n");
  EXPECT_EQ(terminal.Wait(), 1);
  EXPECT_EQ(person_.Read("project/.vscode/tasks.json"), "of-the-run\n");
  EXPECT_EQ(person_.Read("project/.env"), "A=real\nB=real\n");
}

TEST_P(ReviewHints, WhatIsNeitherYesNorNoIsAskedAgain) {
  Run("echo two > a.txt; mkdir .vscode; echo x > .vscode/tasks.json");
  TerminalSession terminal(person_, {"apply"});
  for (const char* slip : {"?\n", "what\n"}) {
    terminal.SkipTo("Apply 1 change? [y/N]");
    terminal.Type(slip);
    terminal.SkipTo("y: yes. n, or nothing: no.");
  }
  terminal.SkipTo("Apply 1 change? [y/N]");
  terminal.Type("Y\n");
  terminal.SkipTo("Apply it too? [y/N]");
  terminal.Type("?\n");
  terminal.SkipTo("y: yes. n, or nothing: no.");
  terminal.SkipTo("Apply it too? [y/N]");
  terminal.Type("yes\n");
  EXPECT_EQ(terminal.Wait(), 0);
  EXPECT_EQ(person_.Read("project/.vscode/tasks.json"), "x\n");
  EXPECT_EQ(person_.Read("project/a.txt"), "two\n");
}

TEST_P(ReviewHints, WhoNeverAnswersIsNotAskedForever) {
  Run("echo two > a.txt");
  TerminalSession terminal(person_, {"apply"});
  for (int i = 0; i < 5; ++i) {
    terminal.SkipTo("Apply 1 change? [y/N]");
    terminal.Type("?\n");
  }
  terminal.SkipTo("nothing was applied");
  EXPECT_EQ(terminal.Wait(), 1);
  EXPECT_EQ(person_.Read("project/a.txt"), "one\n");
}

TEST_P(ReviewHints, QuittingAppliesNothing) {
  Run("echo two > a.txt; echo two > b.txt");
  TerminalSession terminal(person_, {"apply", "-i"});
  terminal.SkipTo("M a.txt? [y/N/?]");
  terminal.Type("y\n");
  terminal.SkipTo("M b.txt? [y/N/?]");
  terminal.Type("q\n");
  terminal.SkipTo("nothing was applied");
  EXPECT_EQ(terminal.Wait(), 1);
  EXPECT_EQ(Host("cat a.txt b.txt").out, "one\none\n");
}

}  // namespace
}  // namespace ambit::testing
