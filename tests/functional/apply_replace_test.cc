// ambit apply --replace: the run's version of a file that the host changed too.
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

class ApplyReplace : public ApplyTest {
 protected:
  ApplyReplace() {
    for (const char* name : {"text", "deleted", "mode", "touched"}) {
      person_.Write(std::string("project/") + name, "start\n");
    }
    person_.Write("project/binary", std::string("a\0b", 3));
  }
  void BothChangeThem() {
    Run("echo agent > text; rm deleted; chmod 755 mode; printf 'x\\0y' > binary; echo agent > "
        "made; echo agent > touched; ln -s text link");
    ASSERT_EQ(Host("echo host > text; echo host > deleted; chmod 600 mode; printf 'h\\0h' > "
                   "binary; echo host > made; touch touched; ln -s binary link")
                  .exit_code,
              0);
  }
  static std::vector<std::string> Replace(const std::vector<std::string>& paths) {
    std::vector<std::string> flags;
    for (const std::string& path : paths) flags.insert(flags.end(), {"--replace", path});
    return flags;
  }
};
INSTANTIATE_TEST_SUITE_P(As, ApplyReplace, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ApplyReplace, IsAWayThroughEveryConflictAndUndoHasTheHostsVersions) {
  BothChangeThem();
  const std::string before = Tree();
  const Finished plain = ApplyYes();
  EXPECT_EQ(plain.exit_code, 1);
  EXPECT_EQ(plain.out,
            "conflict binary: the host changed it meanwhile\n"
            "conflict deleted: the host changed it meanwhile\n"
            "conflict link: the host changed it meanwhile\n"
            "conflict made: the host changed it meanwhile\n"
            "conflict mode: the host changed it meanwhile\n"
            "conflict text: the host changed it meanwhile\n"
            "conflict touched: the host changed it meanwhile\n");
  EXPECT_THAT(plain.err, AllOf(HasSubstr("changed 7 files: '--replace PATH'"),
                               HasSubstr("'ambit undo' brings yours back")));
  EXPECT_EQ(Tree(), before);

  const Finished some = ApplyYes(Replace({"touched", "deleted"}));
  EXPECT_EQ(some.exit_code, 1);
  EXPECT_THAT(some.out, AllOf(HasSubstr("D deleted (although the host changed it meanwhile)\n"),
                              HasSubstr("M touched (although the host changed it meanwhile)\n"),
                              HasSubstr("conflict text: ")));
  EXPECT_THAT(some.err, HasSubstr("changed 5 files"));
  const Finished rest = ApplyYes(Replace({"binary", "link", "made", "mode", "text"}));
  EXPECT_EQ(rest.exit_code, 0) << rest.out << rest.err;
  EXPECT_THAT(rest.err, Not(HasSubstr("--replace")));
  EXPECT_EQ(
      Host("cat text made touched; readlink link; stat -c %a mode; tr '\\0' 0 < binary; ls").out,
      "agent\nagent\nagent\ntext\n755\nx0ybinary\nlink\nmade\nmode\ntext\ntouched\n");
  EXPECT_EQ(Host("find . ! -user $(stat -c %u .); ls -A | grep ambit").out, "");
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(Tree(), before);
  EXPECT_EQ(ApplyYes().out, plain.out) << "the host's versions are as safe as before";
}

TEST_P(ApplyReplace, ANameThatIsNoConflictIsASlip) {
  Run("echo agent > text; echo agent > mode");
  ASSERT_EQ(Host("echo host > text").exit_code, 0);
  const std::string before = Tree();
  for (const char* slip : {"mode", "tetx", "deleted", "."}) {
    const Finished done = ApplyYes(Replace({slip}));
    EXPECT_EQ(done.exit_code, 125) << slip;
    EXPECT_THAT(done.err, HasSubstr("there is no conflict")) << slip;
  }
  EXPECT_EQ(Tree(), before);
  EXPECT_EQ(ApplyYes({"--replace", "text", "--", "text"}).out,
            "M text (although the host changed it meanwhile)\n");
}

TEST_P(ApplyReplace, TheGateAndDirectoriesStay) {
  Run("echo agent > .envrc; echo agent > file");
  ASSERT_EQ(Host("echo host > .envrc; mkdir file; echo host > file/mine").exit_code, 0);
  const std::string before = Tree();
  const Finished held = ApplyYes(Replace({".envrc", "file"}));
  EXPECT_EQ(held.exit_code, 1) << held.err;
  EXPECT_THAT(held.out,
              AllOf(HasSubstr("held .envrc: "), HasSubstr("files, not of directories\n")));
  EXPECT_EQ(Tree(), before);
  const Finished both = ApplyYes({"--replace", ".envrc", "--consent", ".envrc"});
  EXPECT_EQ(both.exit_code, 1) << both.err;
  EXPECT_EQ(person_.Read("project/.envrc"), "agent\n");
}

TEST_P(ApplyReplace, APersonIsAskedForEachConflict) {
  Run("echo agent > text; rm deleted; echo new > other");
  ASSERT_EQ(Host("echo host > text; echo host > deleted").exit_code, 0);
  TerminalSession terminal(person_, {"apply", "-i"});
  EXPECT_THAT(terminal.ShownUntil("D deleted: the host changed it meanwhile. Take the run's "
                                  "version? 'ambit undo' brings yours back. [y/N/?]"),
              HasSubstr("conflict deleted"));
  terminal.Type("?\n");  // no answer: it is asked again
  (void)terminal.ShownUntil("y: yes, this one comes across");
  terminal.Type("n\n");
  EXPECT_THAT(terminal.ShownUntil("A other? [y/N/?]"),
              AllOf(HasSubstr("-host\r\n"), HasSubstr("+++ b/other\r\n@@ -0,0 +1 @@\r\n+new\r\n")));
  terminal.Type("n\n");
  (void)terminal.ShownUntil("M text: the host changed it meanwhile. Take the run's version?");
  terminal.Type("y\n");
  EXPECT_EQ(terminal.Wait(), 1);
  EXPECT_EQ(Host("cat text deleted; ls").out,
            "agent\nhost\nbinary\ndeleted\nmode\ntext\ntouched\n");
}

TEST_P(ApplyReplace, WhatIsShownBeforeAQuestionIsBoundedAndEscaped) {
  Run("printf '\\033]0;x\\007\\n' > a; seq 1000 > b; head -c 100000 /dev/zero | tr '\\0' y > c; "
      "chmod "
      "755 mode");
  TerminalSession terminal(person_, {"apply", "-i"});
  EXPECT_THAT(terminal.ShownUntil("A a? [y/N/?]"), HasSubstr("+\\x1b]0;x\\x07"));
  terminal.Type("n\n");
  EXPECT_THAT(terminal.ShownUntil("A b? [y/N/?]"),
              AllOf(HasSubstr("+55\r\n"), Not(HasSubstr("+100\r\n")), HasSubstr("lines more: "),
                    HasSubstr("ambit diff r-")));
  terminal.Type("y\n");
  EXPECT_LT(terminal.ShownUntil("A c? [y/N/?]").size(), 10'000U);
  terminal.Type("n\n");
  EXPECT_THAT(terminal.ShownUntil("M mode? [y/N/?]"), HasSubstr("new mode 100755"));
  terminal.Type("y\n");
  EXPECT_EQ(terminal.Wait(), 1);
  EXPECT_EQ(ModeOf("mode") & 0777U, 0755U);
}

TEST_P(ApplyReplace, BelowADirectoryTheHostRemovedOnlyWhenItIsThereAgain) {
  person_.Write("project/dir/file", "start\n");
  Run("echo agent >> dir/file");
  ASSERT_EQ(Host("rm -r dir").exit_code, 0);
  EXPECT_THAT(ApplyYes({"--replace", "dir/file"}).out,
              AllOf(HasSubstr("conflict dir/: the host deleted or renamed it meanwhile\n"),
                    HasSubstr("conflict dir/file: its directory is left out\n")));
  ASSERT_EQ(Host("mkdir dir").exit_code, 0);
  EXPECT_EQ(ApplyYes({"--replace", "dir/file"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/dir/file"), "start\nagent\n");
}

}  // namespace
}  // namespace ambit::testing
