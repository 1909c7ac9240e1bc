// Secret files of the project: shown with placeholders or not at all, in every project mode.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run_ambit.h"
#include "support/terminal_session.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Masks : public ::testing::TestWithParam<Who> {
 protected:
  Masks() {
    person_.Write("project/main.c", "int main;\n");
    person_.Write("home/.gitconfig", "[user]\nname = Ann\nemail = ann@example.org\n");
    person_.MakeGitProject();
    person_.Write("project/.env", "# mine\nTOKEN=real-token\nDB=real-db\n", 0600);
    person_.Write("project/server.pem", "real-pem\n", 0600);
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Masks, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Masks, ShowKeysWithPlaceholdersAndHideWhatHasNone) {
  const std::string before = person_.Fingerprint();
  const std::string look = "cat .env; stat -c %a .env; ls server.pem; grep -r real- . || echo none";
  EXPECT_THAT(person_.Execute({"sh", "-c", look}).out, HasSubstr("real-token"));  // the control
  for (const char* mode : {"cow", "ro"}) {
    const Finished run = person_.Sh(look, {"--project", mode});
    EXPECT_EQ(run.out, "TOKEN=ambit-placeholder\nDB=ambit-placeholder\n600\nnone\n") << mode;
    EXPECT_THAT(run.err, HasSubstr("server.pem")) << mode;
  }
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(Masks, AreTold) {
  const Finished run = person_.Ambit({"run", "--", "true"});
  EXPECT_THAT(run.err, HasSubstr("secret files: .env with placeholders, server.pem hidden"));
  EXPECT_THAT(person_.Ambit({"run", "--unmask", "*", "--", "true"}).err,
              Not(HasSubstr("secret files")));
}

TEST_P(Masks, AreNotChangesOfTheRun) {
  EXPECT_EQ(
      person_.Sh("touch .env; chmod 600 .env; echo TOKEN=ambit-placeholder > x; mv x y").exit_code,
      0);
  const Finished diff = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(diff.out, "A\ty\n") << diff.err;
}

TEST_P(Masks, ADiffShowsWhatTheRunSawAndNeverTheRealValue) {
  EXPECT_EQ(person_.Sh("echo NEW=1 >> .env; echo made-inside > server.pem").exit_code, 0);
  const Finished diff = person_.Ambit({"diff"});
  EXPECT_THAT(diff.out, AllOf(HasSubstr("+NEW=1"), HasSubstr("+made-inside"),
                              HasSubstr("new file mode"), Not(HasSubstr("real-"))));
  EXPECT_EQ(person_.Ambit({"diff", "--name-status"}).out, "M\t.env\nA\tserver.pem\n");
}

TEST_P(Masks, GoTheWayOfTheirDirectory) {
  person_.Write("project/package.json", R"({"workspaces": ["packages/*"]})");
  person_.Write("project/packages/a/.env", "K=real\n");
  person_.Write("project/packages/a/a.key", "real\n");
  person_.Write("project/packages/a/index.js", "1\n");
  EXPECT_EQ(person_.Sh("ls -A packages/a").out, ".env\nindex.js\n");
  EXPECT_EQ(person_.Sh("rm -r packages/a").exit_code, 0);
  const Finished diff = person_.Ambit({"diff", "--name-status"});
  EXPECT_EQ(diff.out, "D\tpackages/a/\nD\tpackages/a/.env\nD\tpackages/a/index.js\n") << diff.err;
}

TEST_P(Masks, ComeBackKeyByKeyWithAConsent) {
  EXPECT_EQ(person_.Sh("sed -i s/^DB=.*/DB=new/ .env; echo NEW=1 >> .env").exit_code, 0);
  const std::string before = person_.Fingerprint();
  const Finished held = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(held.exit_code, 1);
  EXPECT_THAT(held.out, HasSubstr("held .env: a secret file"));
  EXPECT_EQ(person_.Fingerprint(), before);

  const Finished applied = person_.Ambit({"apply", "--yes", "--consent", ".env"});
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_EQ(person_.Read("project/.env"), "# mine\nTOKEN=real-token\nDB=new\nNEW=1\n");
  EXPECT_EQ(person_.Execute({"stat", "-c", "%a", ".env"}).out, "600\n");
  const Finished again = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(again.out, "");  // no consent is asked for what is there

  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/.env"), "# mine\nTOKEN=real-token\nDB=real-db\n");
}

TEST_P(Masks, WhatTheHostAddedMeanwhileStays) {
  EXPECT_EQ(person_.Sh("echo NEW=1 >> .env").exit_code, 0);
  person_.Write("project/.env", "TOKEN=rotated\nDB=real-db\nHOST=1\n", 0600);
  EXPECT_EQ(person_.Ambit({"apply", "--yes", "--consent", ".env"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/.env"), "TOKEN=rotated\nDB=real-db\nHOST=1\nNEW=1\n");
}

TEST_P(Masks, AValueThatBothMayHaveChangedIsAConflict) {
  EXPECT_EQ(person_.Sh("sed -i s/^DB=.*/DB=new/ .env").exit_code, 0);
  person_.Write("project/.env", "TOKEN=rotated\nDB=mine\n", 0600);
  const Finished applied = person_.Ambit({"apply", "--yes", "--consent", ".env"});
  EXPECT_EQ(applied.exit_code, 1);
  EXPECT_THAT(applied.out, HasSubstr("conflict .env: "));
  EXPECT_EQ(person_.Read("project/.env"), "TOKEN=rotated\nDB=mine\n");
}

TEST_P(Masks, PlaceholdersUnderAnotherNameAreHeld) {
  EXPECT_EQ(person_.Sh("cp .env settings.txt; mv .env .env.local").exit_code, 0);
  const Finished applied = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(applied.exit_code, 1);
  EXPECT_THAT(applied.out, AllOf(HasSubstr("held .env: "), HasSubstr("held .env.local: it holds"),
                                 HasSubstr("held settings.txt: it holds placeholders")));
  EXPECT_FALSE(person_.Exists("project/settings.txt"));
  EXPECT_THAT(person_.Ambit({"diff"}).err, HasSubstr(".env (a secret file"));
}

TEST_P(Masks, ATextThatCannotBeJoinedNeverReplacesYours) {
  const std::string before = person_.Fingerprint();
  EXPECT_EQ(person_.Sh("echo no keys any more > .env; echo made-inside > server.pem").exit_code, 0);
  const Finished applied =
      person_.Ambit({"apply", "--yes", "--consent", ".env", "--consent", "server.pem"});
  EXPECT_EQ(applied.exit_code, 1);
  EXPECT_THAT(applied.out, AllOf(HasSubstr("conflict .env: "), HasSubstr("conflict server.pem: ")));
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(Masks, AHiddenFileGivesWayOnlyByNameAndComesBack) {
  const std::string hosts = person_.Read("project/server.pem");
  ASSERT_EQ(person_.Sh("echo made-inside > server.pem; echo KEY > new.key").exit_code, 0);
  const Finished left = person_.Ambit({"apply", "--yes", "--consent", "new.key"});
  EXPECT_EQ(left.exit_code, 1);
  EXPECT_THAT(left.out,
              AllOf(HasSubstr("conflict server.pem: your secret file of that name was hidden"),
                    HasSubstr("A new.key")));
  EXPECT_THAT(left.err, HasSubstr("--replace PATH"));
  EXPECT_EQ(person_.Read("project/server.pem"), hosts);
  {
    TerminalSession terminal(person_, {"apply", "-i"});
    EXPECT_THAT(terminal.ShownUntil("Take the run's version?"),
                AllOf(HasSubstr("made-inside"), Not(HasSubstr(hosts))));
    terminal.Type("n\n");
    EXPECT_EQ(terminal.Wait(), 1);
  }
  const Finished replaced = person_.Ambit({"apply", "--yes", "--replace", "server.pem"});
  EXPECT_EQ(replaced.exit_code, 0) << replaced.err;
  EXPECT_EQ(replaced.out,
            "M server.pem (although your secret file of that name was hidden from the run)\n");
  EXPECT_EQ(person_.Read("project/server.pem"), "made-inside\n");
  const Finished again = person_.Ambit({"apply", "--yes"});
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/server.pem"), hosts);
  EXPECT_THAT(person_.Ambit({"apply", "--yes"}).out, HasSubstr("conflict server.pem: "));
  EXPECT_EQ(person_.Read("project/server.pem"), hosts);
}

TEST_P(Masks, PlaceholdersNeverTakeThePlaceOfAHiddenFileByReplaceAlone) {
  const std::string hosts = person_.Read("project/server.pem");
  ASSERT_EQ(person_.Sh("cp .env server.pem").exit_code, 0);
  const Finished held = person_.Ambit({"apply", "--yes", "--replace", "server.pem"});
  EXPECT_EQ(held.exit_code, 1);
  EXPECT_THAT(held.out, HasSubstr("held server.pem: it holds placeholders"));
  EXPECT_EQ(person_.Read("project/server.pem"), hosts);
}

TEST_P(Masks, AreDeletedOnlyWithAConsent) {
  EXPECT_EQ(person_.Sh("rm .env").exit_code, 0);
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 1);
  EXPECT_TRUE(person_.Exists("project/.env"));
  EXPECT_EQ(person_.Ambit({"apply", "--yes", "--consent", ".env"}).exit_code, 0);
  EXPECT_FALSE(person_.Exists("project/.env"));
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/.env"), "# mine\nTOKEN=real-token\nDB=real-db\n");
}

TEST_P(Masks, ADirectoryWithSecretsStaysAroundThem) {
  person_.Write("project/package.json", R"({"workspaces": ["packages/*"]})");
  person_.Write("project/packages/a/.env", "K=real\n");
  person_.Write("project/packages/a/a.key", "real\n");
  person_.Write("project/packages/a/index.js", "1\n");
  EXPECT_EQ(person_.Sh("rm -r packages/a").exit_code, 0);
  EXPECT_EQ(person_.Ambit({"apply", "--yes", "--consent", "packages/a/.env"}).exit_code, 1);
  EXPECT_EQ(person_.Execute({"sh", "-c", "ls -A packages/a"}).out, "a.key\n");
}

TEST_P(Masks, DoNotTravelWithTheirDirectoryUnasked) {
  person_.Write("project/package.json", R"({"workspaces": ["packages/*"]})");
  person_.Write("project/packages/a/.env", "K=real\n");
  person_.Write("project/packages/a/a.key", "real\n");
  person_.Write("project/packages/a/index.js", "1\n");
  EXPECT_EQ(person_.Sh("mv packages/a docs").exit_code, 0);
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 1);
  EXPECT_EQ(person_.Execute({"sh", "-c", "ls -A packages/a docs"}).out,
            "docs:\nindex.js\n\npackages/a:\n.env\na.key\n");
  EXPECT_EQ(person_.Ambit({"branch", "result"}).exit_code, 0);
}

TEST_P(Masks, AFileMadeAgainUnderItsNameIsJoinedAsWell) {
  person_.Write("project/package.json", R"({"workspaces": ["packages/*"]})");
  person_.Write("project/packages/a/.env", "K=real\n");
  EXPECT_EQ(person_
                .Sh("mv packages/a docs; mkdir packages/a; (cat docs/.env; echo NEW=1) > "
                    "packages/a/.env; rm -r docs")
                .exit_code,
            0);
  (void)person_.Ambit({"apply", "--yes", "--consent", "packages/a/.env"});
  EXPECT_EQ(person_.Read("project/packages/a/.env"), "K=real\nNEW=1\n");
}

TEST_P(Masks, ASecondViewOfTheProjectIsRefusedWhereItWouldShowThem) {
  for (const char* flag : {"--ro", "--cow"}) {
    const Finished run = person_.Sh("cat .env", {flag, person_.project()});
    EXPECT_EQ(run.exit_code, 125) << flag;
    EXPECT_THAT(run.err, HasSubstr("holds secrets"));
    EXPECT_EQ(run.out, "");
  }
}

TEST_P(Masks, APatternThatFitsNothingIsTold) {
  EXPECT_THAT(person_.Ambit({"run", "--hide", "nots/", "--", "true"}).err,
              HasSubstr("--hide 'nots/' fits no file"));
}

TEST_P(Masks, AskForTheBranchThatCommitsThem) {
  EXPECT_EQ(person_.Execute({"git", "add", "-f", ".env"}).exit_code, 0);
  EXPECT_EQ(person_.Execute({"git", "commit", "-qm", "env"}).exit_code, 0);
  EXPECT_EQ(person_.Sh("git commit -qam all && git status --short").exit_code, 0);
  const Finished refused = person_.Ambit({"branch", "result"});
  EXPECT_EQ(refused.exit_code, 125) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr(".env"));
  EXPECT_EQ(person_.Ambit({"branch", "result", "--consent", ".env"}).exit_code, 0);
}

TEST_P(Masks, CanBeNamed) {
  person_.Write("project/config/prod.conf", "A=real\n");
  person_.Write("project/deep/down/x.secret", "real\n");
  person_.Write("project/notes/n.txt", "real\n");
  const Finished run = person_.Sh(
      "cat config/prod.conf; ls -A deep/down; ls -A | grep -c notes; cat .env",
      {"--mask", "config/*.conf", "--hide", "**/*.secret", "--hide", "notes/", "--unmask", ".env"});
  EXPECT_EQ(run.out, "A=ambit-placeholder\n0\n# mine\nTOKEN=real-token\nDB=real-db\n") << run.err;
}

TEST_P(Masks, APatternForEverywhereHoldsInWhatIsInstalledAndBuiltToo) {
  const std::vector<std::string> places = {"node_modules/p", "target/debug", ".venv/lib", "src"};
  for (const std::string& place : places) {
    person_.Write("project/" + place + "/x.secret", "real\n");
  }
  const std::string look = "find . -name x.secret -not -path './.git/*' | wc -l";
  EXPECT_EQ(person_.Sh(look).out, "4\n");  // the control
  EXPECT_EQ(person_.Sh(look, {"--hide", "**/x.secret"}).out, "0\n");
}

TEST_P(Masks, WhatAPatternForEverywhereLeavesInAGitDirectoryIsTold) {
  const Finished run = person_.Ambit({"run", "--hide", "**/HEAD", "--", "git", "status", "-s"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, AllOf(HasSubstr("--hide '**/HEAD'"), HasSubstr("HEAD' too, which stays")));
  EXPECT_EQ(person_.Sh("ls .git/HEAD", {"--hide", ".git/HEAD"}).out, "");
}

TEST_P(Masks, AWrittenPatternHoldsForExamplesToo) {
  person_.Write("project/.env.example", "K=an-example\n");
  EXPECT_EQ(person_.Sh("cat .env.example").out, "K=an-example\n");  // the default leaves it
  EXPECT_EQ(person_.Sh("ls .env.example", {"--hide", ".env*"}).out, "");
  EXPECT_EQ(person_.Sh("cat .env.example", {"--mask", ".env.*"}).out, "K=ambit-placeholder\n");
}

TEST_P(Masks, APartOfAProjectHidesWhatTheWholeHides) {
  person_.Write("project/ambit.toml", "[fs]\nhide = ['part/plain.txt', '**/deep.txt']\n");
  person_.Write("project/package.json", R"({"workspaces": ["part/*"]})");
  person_.Write("project/part/plain.txt", "real-1\n");
  person_.Write("project/part/a/deep.txt", "real-2\n");
  person_.Write("project/part/a/.env", "K=real-3\n");
  person_.Write("project/part/typed.txt", "real-4\n");
  person_.Write("project/part/shown.txt", "shown\n");
  const std::string look = "grep -rhE 'real|shown' . | sort";
  const std::vector<std::string> hide = {"--hide", "part/typed.txt"};
  EXPECT_EQ(person_.Sh("cd part; " + look, hide).out, "shown\n");
  EXPECT_EQ(person_.Sh(look, {"--hide", "part/typed.txt", "-C", "part"}).out, "shown\n");
  EXPECT_EQ(person_.Sh(look, {"--hide", "typed.txt", "-C", "part"}).out, "shown\n");
  EXPECT_EQ(person_.Sh(look, {"--hide", "a/.env", "--hide", "typed.txt", "-C", "part/a"}).out, "");
}

TEST_P(Masks, APartOfAProjectThatIsHiddenIsRefused) {
  person_.Write("project/notes/mine/n.txt", "real\n");
  for (const char* pattern : {"notes/", "**/mine/", "notes/mine/"}) {
    const Finished run = person_.Sh("cat n.txt", {"--hide", pattern, "-C", "notes/mine"});
    EXPECT_EQ(run.exit_code, 125) << pattern;
    EXPECT_THAT(run.err, HasSubstr("hidden"));
  }
}

TEST_P(Masks, AMarkerInAPartBringsNothingToLight) {
  person_.Write("home/.config/ambit/config.toml", "[fs]\nhide = ['conf/prod.yml', 'notes/']\n");
  person_.Write("project/ambit.toml", "[fs]\nhide = ['**/*.sec']\n");
  person_.Write("project/conf/prod.yml", "real-1\n");
  person_.Write("project/conf/b.sec", "real-2\n");
  person_.Write("project/conf/deep/er/c.sec", "real-3\n");
  person_.Write("project/conf/shown.txt", "shown\n");
  person_.Write("project/notes/n.txt", "real-4\n");
  for (const char* marker : {"conf/ambit.toml", "conf/.git/HEAD", "conf/deep/ambit.toml"}) {
    person_.Write(std::string("project/") + marker, "");
    const std::string look = "grep -rhE 'real|shown' . | sort";
    EXPECT_EQ(person_.Sh(look, {"-C", "conf"}).out, "shown\n") << marker;
    EXPECT_EQ(person_.Sh(look, {"-C", "conf/deep/er"}).out, "") << marker;
    const Finished in_it =
        person_.Ambit({"run", "-q", "--", "sh", "-c", look}, person_.project() + "/conf");
    EXPECT_EQ(in_it.out, "shown\n") << marker << in_it.err;
    (void)person_.Execute({"rm", "-r", person_.project() + "/" + marker});
  }
  person_.Write("project/notes/ambit.toml", "");
  const Finished hidden =
      person_.Ambit({"run", "-q", "--", "cat", "n.txt"}, person_.project() + "/notes");
  EXPECT_EQ(hidden.exit_code, 125) << hidden.out;
  EXPECT_THAT(hidden.err, HasSubstr("is hidden in the project"));
}

TEST_P(Masks, TheFileOfAProjectAroundAPartOnlyTightens) {
  person_.Write("project/ambit.toml",
                "[fs]\nproject = 'rw'\nhide = ['part/h.txt']\n[env]\nset = { OUTER = '1' }\n"
                "[[test]]\nfs_visible = ['main.c']\n");
  person_.Write("project/part/h.txt", "real\n");
  // No run of the whole could write directly beside its secrets.
  EXPECT_EQ(person_.Ambit({"trust", "--yes", "--project", "cow"}).exit_code, 0);
  const Finished run = person_.Sh("ls; echo new > made; echo OUTER=$OUTER", {"-C", "part"});
  EXPECT_EQ(run.out, "OUTER=\n") << run.err;
  EXPECT_FALSE(person_.Exists("project/part/made"));
}

TEST_P(Masks, APatternThatMeansNothingIsRefused) {
  const Finished run = person_.Sh("true", {"--hide", "../other"});
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err, AllOf(HasSubstr("--hide '../other'"), HasSubstr("leaves the project")));
}

TEST_P(Masks, GitInsideWorksBesideThem) {
  const Finished run = person_.Sh(
      "git add main.c && git status --short && git stash -u -q && git stash pop -q && cat .env");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("TOKEN=ambit-placeholder"));
}

}  // namespace
}  // namespace ambit::testing
