// The options of `ambit run` as a person combines them.
#include "everyday.h"

namespace ambit::testing {
namespace {

class Options : public Everyday {};
INSTANTIATE_TEST_SUITE_P(As, Options, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(Options, AnOptionTakesOneValueAndLeavesTheCommandAlone) {
  // Each of the repeatable options stands once directly before the "--".
  for (const char* last : {"--env Z=1", "--ro /usr/share", "--cow /usr/include", "--host-port 9"}) {
    const Finished run = person_.Execute({"/bin/sh", "-c",
                                          std::string("$AMBIT run -q --env A=1 --env B=2 ") + last +
                                              " -- sh -c 'echo $A$B$1' -- -i"},
                                         {}, {{"AMBIT", AmbitBinary()}});
    EXPECT_EQ(run.out, "12-i\n") << last << ": " << run.err;
  }
}

TEST_P(Options, AVariableCrossesOnlyWhenItIsNamed) {
  const std::map<std::string, std::string> environment = {{"WANTED", "yes"}, {"OTHER", "no"}};
  const Finished run = person_.Ambit(
      {"run", "-q", "--env", "WANTED", "--", "/bin/sh", "-c", "echo \"$WANTED,$OTHER,$AMBIT\""}, {},
      environment);
  EXPECT_EQ(run.out, "yes,,1\n") << run.err;
}

TEST_P(Options, AVariableThatIsNotSetIsNamed) {
  const Finished run = person_.Ambit({"run", "--env", "NOPE", "--env", "SET=1", "--", "true"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_NE(run.err.find("--env NOPE: it is not set"), std::string::npos) << run.err;
  EXPECT_EQ(run.err.find("--env SET"), std::string::npos) << run.err;
}

TEST_P(Options, TheStartLineNamesOnlyVariablesThatAreInside) {
  const auto said = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), "run");
    flags.insert(flags.end(), {"--", "true"});
    return person_.Ambit(std::move(flags)).err;
  };
  EXPECT_NE(said({"--env", "NOPE"}).find("an empty home, no variable of yours\n"),
            std::string::npos);
  const std::string set = said({"--env", "NOPE", "--env", "SET=1"});
  EXPECT_NE(set.find("no variable of yours, with SET as set\n"), std::string::npos) << set;
  const std::string passed =
      person_.Ambit({"run", "--env", "MINE", "--env", "SET=1", "--", "true"}, {}, {{"MINE", "x"}})
          .err;
  EXPECT_NE(passed.find("with the real value of MINE inside, and SET as set\n"), std::string::npos)
      << passed;
}

TEST_P(Options, ADirectoryMayBeNamedWithASlashAtItsEnd) {
  person_.Write("shown/file", "shown\n");
  for (const char* flag : {"--ro", "--cow"}) {
    const Finished run =
        person_.Sh("cat " + person_.root() + "/shown/file", {flag, person_.root() + "/shown//"});
    EXPECT_EQ(run.out, "shown\n") << flag << ": " << run.err;
  }
}

TEST_P(Options, AnUnknownFlagOrCommandIsNamed) {
  const auto said = [&](std::vector<std::string> arguments) {
    const Finished done = person_.Ambit(std::move(arguments));
    EXPECT_EQ(done.exit_code, 125);
    return done.err;
  };
  const std::string help = "ambit: see 'ambit run --help'; what is to run comes after --\n";
  EXPECT_EQ(said({"run", "--nope", "--", "true"}), "ambit: unknown flag '--nope'\n" + help);
  EXPECT_EQ(said({"run", "--nope"}), "ambit: unknown flag '--nope'\n" + help);
  EXPECT_EQ(said({"run"}), "ambit: command is required\n" + help);
  EXPECT_EQ(said({"diff", "--nope"}),
            "ambit: unknown flag '--nope'\nambit: see 'ambit diff --help'\n");
  EXPECT_EQ(said({"policy", "check", "--nope"}),
            "ambit: unknown flag '--nope'\nambit: see 'ambit policy check --help'\n");
  EXPECT_EQ(said({"policy", "shwo"}),
            "ambit: 'shwo' is no command of ambit policy; did you mean 'ambit policy show'?\n"
            "ambit: see 'ambit policy --help'\n");
  EXPECT_EQ(said({"preset", "shw"}),
            "ambit: 'shw' is no command of ambit preset; did you mean 'ambit preset show'?\n"
            "ambit: see 'ambit preset --help'\n");
  for (const char* word : {"claud", "cladue"}) {
    EXPECT_EQ(said({word}), "ambit: '" + std::string(word) +
                                "' is no command of ambit; did you mean 'ambit claude'?\n"
                                "ambit: see 'ambit --help'\n");
  }
  EXPECT_EQ(said({"help", "dif"}),
            "ambit: 'dif' is no command of ambit; did you mean 'ambit diff'?\n"
            "ambit: see 'ambit --help'\n");
  EXPECT_EQ(said({"completion", "tcsh"}),
            "ambit: shell 'tcsh': not one of bash, zsh, fish\n"
            "ambit: see 'ambit completion --help'\n");
  EXPECT_EQ(said({"diff", "--stat", "--json"}),
            "ambit: only one of --stat, --json can be given\n"
            "ambit: see 'ambit diff --help'\n");
  EXPECT_EQ(said({"no\x1bpe"}),
            "ambit: 'no\\x1bpe' is no command of ambit\nambit: see 'ambit --help'\n");
}

TEST_P(Options, HelpIsTheHelp) {
  EXPECT_EQ(person_.Ambit({"help"}).out, person_.Ambit({"--help"}).out);
  EXPECT_EQ(person_.Ambit({"help", "policy", "show"}).out,
            person_.Ambit({"policy", "show", "--help"}).out);
  EXPECT_EQ(person_.Ambit({"help", "claude"}).out, person_.Ambit({"run", "--help"}).out);
  EXPECT_NE(person_.Ambit({"help", "diff"}).out.find("ambit diff"), std::string::npos);
}

TEST_P(Options, TheReviewFindsTheRunOfAnotherDirectoryAsTheRunDid) {
  person_.Write("other/sub/file.txt", "host\n");
  const std::string other = person_.root() + "/other";
  const Finished run =
      person_.Ambit({"run", "-q", "-C", other, "--", "sh", "-c", "echo inside > sub/file.txt"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(person_.Ambit({"diff", "--name-status"}).exit_code, 125) << "the control";
  EXPECT_EQ(person_.Ambit({"diff", "-C", other, "--name-status", "--", "sub"}).out,
            "M\tsub/file.txt\n");
  EXPECT_EQ(person_.Ambit({"inspect", "-C", "../other"}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"apply", "-C", other, "--yes", "--", "sub/file.txt"}).exit_code, 0);
  EXPECT_EQ(person_.Read("other/sub/file.txt"), "inside\n");
  EXPECT_EQ(person_.Ambit({"undo", "-C", other}).exit_code, 0);
  EXPECT_EQ(person_.Read("other/sub/file.txt"), "host\n");
  EXPECT_EQ(person_.Ambit({"discard", "--yes", "-C", other}).exit_code, 0);
}

TEST_P(Options, ACopyOnWriteDirectoryBesideTheProjectIsWritableAndUnchanged) {
  person_.Write("beside/kept", "host\n");
  const std::string before = person_.Fingerprint(person_.root() + "/beside");
  const Finished run = person_.Sh("echo inside >>../beside/kept && cat ../beside/kept",
                                  {"--cow", person_.root() + "/beside"});
  EXPECT_EQ(run.out, "host\ninside\n") << run.err;
  EXPECT_EQ(person_.Fingerprint(person_.root() + "/beside"), before);
}

TEST_P(Options, AReadOnlyPathIsReadableAndRefusesWrites) {
  person_.Write("beside/dir/file", "host\n");
  person_.Write("beside/single", "alone\n");
  const Finished run = person_.Sh(
      "cat ../beside/dir/file ../beside/single; (echo x >>../beside/dir/file) 2>/dev/null || "
      "echo refused; (echo x >>../beside/single) 2>/dev/null || echo refused; ls ../beside",
      {"--ro", person_.root() + "/beside/dir", "--ro", person_.root() + "/beside/single"});
  EXPECT_EQ(run.out, "host\nalone\nrefused\nrefused\ndir\nsingle\n") << run.err;
}

}  // namespace
}  // namespace ambit::testing
