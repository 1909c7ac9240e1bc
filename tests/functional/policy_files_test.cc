// Policy files as people meet them: found, read, joined, refused with line and column, trusted.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "everyday.h"
#include "own_mounts.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PolicyFiles : public Everyday {
 protected:
  Finished Run(const std::string& script) {
    return person_.Ambit({"run", "--", "sh", "-c", script});
  }
  void User(const std::string& text) { person_.Write("home/.config/ambit/config.toml", text); }
  void Project(const std::string& text) { person_.Write("project/ambit.toml", text); }
  std::string File() const { return person_.project() + "/ambit.toml"; }
};
INSTANTIATE_TEST_SUITE_P(As, PolicyFiles, ::testing::ValuesIn(Everyone()), NameOfParam);

TEST_P(PolicyFiles, OfTheUserHoldEverywhere) {
  person_.Write("data/a.txt", "of the host\n");
  User("[fs]\nro = [\"" + person_.root() + "/data\"]\n[env]\nset = { MODE = \"~/x\" }\n");
  const Finished run = Run("cat " + person_.root() + "/data/a.txt; echo $MODE");
  EXPECT_EQ(run.out, "of the host\n" + person_.home() + "/x\n") << run.err;
}

TEST_P(PolicyFiles, HaveFlagsBesideThemWhosePathsStandBelowTheWorkingDirectory) {
  person_.Write("data/a.txt", "of the host\n");
  person_.Write("elsewhere/sub/x", "");
  person_.Write("elsewhere/data/a.txt", "of elsewhere\n");
  std::filesystem::create_directory_symlink("../elsewhere/sub", person_.project() + "/link");
  for (const char* typed : {"../data", "./../data/", "../data/a.txt"}) {
    const Finished run =
        person_.Ambit({"run", "-q", "--ro", typed, "--", "cat", person_.root() + "/data/a.txt"});
    EXPECT_EQ(run.out, "of the host\n") << typed << run.err;
  }
  const Finished through = person_.Ambit(
      {"run", "-q", "--ro", "link/../data", "--", "cat", person_.root() + "/elsewhere/data/a.txt"});
  EXPECT_EQ(through.out, "of elsewhere\n") << through.err;
  EXPECT_THAT(person_.Ambit({"run", "--ro", "../no", "--", "true"}).err,
              HasSubstr("--ro '" + person_.root() + "/no': No such file or directory"));
}

TEST_P(PolicyFiles, WithAMistakeStartNothingAndSayWhere) {
  Project("[fs]\nprojct = \"ro\"\nro = \"/x\"\n[env]\npass = [\"A B\"]\n");
  const Finished run = Run("touch ran");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_EQ(run.err, "ambit: " + File() +
                         ":2:1: unknown key 'fs.projct'; did you mean 'fs.project'?\n" +
                         "ambit: " + File() + ":3:6: fs.ro: a list of strings, not a string\n" +
                         "ambit: " + File() + ":5:9: env.pass: 'A B': not a variable name\n");
  EXPECT_EQ(person_.Ambit({"policy", "check"}).exit_code, 125);
  EXPECT_EQ(person_.Ambit({"policy", "check", File()}).exit_code, 125);
}

TEST_P(PolicyFiles, ThatAreNotTrustedAreToldByWhoeverReadsThem) {
  Project("[net]\nallow = [\"example.com\"]\n[[test]]\nnet_deny = [\"other.example\"]\n");
  const std::string left_out =
      File() + ":2:10: net.allow 'example.com' is left out: the project's file is not";
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"policy", "check"}, {"policy", "test"}, {"policy", "show"}, {"plan", "--", "true"}}) {
    const Finished told = person_.Ambit(command);
    EXPECT_EQ(told.exit_code, 0) << command[1] << told.err;
    EXPECT_THAT(told.err, HasSubstr(left_out)) << command[1];
    EXPECT_THAT(told.err, HasSubstr("'ambit trust' shows")) << command[1];
  }
  EXPECT_EQ(Run("true").exit_code, 0);
  const Finished why = person_.Ambit({"why", "--host", "example.com"});
  EXPECT_THAT(why.out, HasSubstr("allow   --allow example.com; or 'ambit trust': "));
  EXPECT_THAT(person_.Ambit({"why", "--host", "other.example"}).out, Not(HasSubstr("trust")));
  ASSERT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  EXPECT_THAT(person_.Ambit({"policy", "check"}).err, Not(HasSubstr("left out")));
  EXPECT_THAT(person_.Ambit({"why", "--host", "example.com"}).out, Not(HasSubstr("trust")));
}

TEST_P(PolicyFiles, AreCheckedForAllThatARunWouldRefuse) {
  Project("[fs]\nro = [\"./gone\", \"/no/such\"]\ncow = [\"./never\"]\n");
  const std::string refused =
      "ambit: " + File() + ":2:7: fs.ro '" + person_.project() +
      "/gone': No such file or directory; name a directory or file that exists\n" +
      "ambit: " + File() +
      ":2:17: fs.ro '/no/such': No such file or directory; name a directory or file that exists\n" +
      "ambit: " + File() + ":3:8: fs.cow '" + person_.project() +
      "/never': No such file or directory; name a directory or file that exists\n";
  const Finished check = person_.Ambit({"policy", "check"});
  EXPECT_EQ(check.exit_code, 125);
  EXPECT_EQ(check.err, refused);
  const Finished trust = person_.Ambit({"trust", "--yes"});
  EXPECT_EQ(trust.exit_code, 125);
  EXPECT_EQ(trust.err, refused);
  EXPECT_EQ(trust.out, "");

  for (const char* path : {"gone", "never"}) {
    person_.Write("project/" + std::string(path) + "/a.txt", "now it is there\n");
  }
  Project("[fs]\nro = [\"./gone\"]\ncow = [\"./never\"]\n");
  ASSERT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  std::filesystem::remove_all(person_.project() + "/never");
  EXPECT_THAT(Run("touch ran").err, HasSubstr(":3:8: fs.cow '" + person_.project() + "/never'"));

  Project("[fs]\nro = [\"./gone\"]\n");
  EXPECT_EQ(person_.Ambit({"policy", "check"}).out, person_.project() + ": no mistake\n");
}

TEST_P(PolicyFiles, ThatHaveAMistakeAreNotTrusted) {
  Project("extends = [\"claud\"]\n[env]\nset = { A = \"1\" }\n");
  const Finished trust = person_.Ambit({"trust", "--yes"});
  EXPECT_EQ(trust.exit_code, 125);
  EXPECT_EQ(trust.err, "ambit: " + File() + ":1:12: no preset 'claud'; did you mean 'claude'?\n");
}

TEST_P(PolicyFiles, TellAllTheirMistakesInOrderOfLinesTrustedOrNot) {
  Project("extends = [\"claud\", \"node\"]\n[fs]\nfoo = 1\nrw = []\nhid = []\n");
  const std::string told = "ambit: " + File() +
                           ":1:12: no preset 'claud'; did you mean 'claude'?\n"
                           "ambit: " +
                           File() +
                           ":3:1: unknown key 'fs.foo'; 'ambit policy schema' has them all\n"
                           "ambit: " +
                           File() +
                           ":4:1: unknown key 'fs.rw'; 'ambit policy schema' has them all\n"
                           "ambit: " +
                           File() + ":5:1: unknown key 'fs.hid'; did you mean 'fs.hide'?\n";
  EXPECT_EQ(Run("touch ran").err, told);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"policy", "check"},
                                                  {"policy", "check", File()},
                                                  {"policy", "show"},
                                                  {"policy", "test"},
                                                  {"plan", "--", "true"},
                                                  {"trust", "--yes"}}) {
    const Finished done = person_.Ambit(command);
    EXPECT_EQ(done.exit_code, 125) << command[0];
    EXPECT_EQ(done.err, told) << command[0];
  }
}

TEST_P(PolicyFiles, OfThePersonAreJudgedAsThatWhenTheyAreNamed) {
  User("[fs]\nro = [\"tools\"]\n");
  const Finished named = person_.Ambit({"policy", "check", "../home/.config/ambit/config.toml"});
  EXPECT_EQ(named.exit_code, 125);
  EXPECT_THAT(named.err, HasSubstr("config.toml:2:7: fs.ro: 'tools': relative to no directory"));
  person_.Write("project/other.toml", "[fs]\nro = [\"tools\"]\n");
  EXPECT_EQ(person_.Ambit({"policy", "check", "other.toml"}).exit_code, 0);
}

TEST_P(PolicyFiles, WithAPatternThatFitsNothingSaySo) {
  const std::string ends = " fits no file of the project (a directory ends in '/')\n";
  const std::string config = person_.home() + "/.config/ambit/config.toml";
  person_.Write("project/sub/a", "");
  Project("[fs]\nhide = [\"sub\", \"sub/\"]\n");
  User("[fs]\nmask = [\"*.none\"]\n");
  const std::string of_project = "ambit: " + File() + ":2:9: fs.hide 'sub'" + ends;
  const std::string of_user = "ambit: " + config + ":2:9: fs.mask '*.none'" + ends;
  const Finished check = person_.Ambit({"policy", "check"});
  EXPECT_EQ(check.exit_code, 0);
  EXPECT_THAT(check.err, HasSubstr(of_user + of_project));
  const std::string run = Run("true").err;
  EXPECT_THAT(run, AllOf(HasSubstr(of_project), Not(HasSubstr("*.none"))));
  EXPECT_THAT(run, Not(HasSubstr("'sub/'")));
}

TEST_P(PolicyFiles, AreCheckedForAnotherDirectoryWithC) {
  person_.Write("other/ambit.toml", "[fs]\nhid = []\n");
  EXPECT_EQ(person_.Ambit({"policy", "check"}).exit_code, 0);
  const Finished check = person_.Ambit({"policy", "check", "-C", "../other"});
  EXPECT_EQ(check.exit_code, 125);
  EXPECT_THAT(check.err, HasSubstr("/other/ambit.toml:2:1: unknown key 'fs.hid'"));
}

TEST_P(PolicyFiles, OfAProjectAreTrustedWithAllThatTheyMake) {
  Project("[fs.files]\n'~/.agentrc' = \"run \\u001b[2Jthis\\n+ env.set A=1\\n\"\n'~/long' = '" +
          std::string(20'000, 'a') + "'\n");
  const Finished asked = person_.Ambit({"trust"});
  EXPECT_THAT(asked.out, AllOf(HasSubstr("/.agentrc (27 bytes)\n"),
                               HasSubstr("\n    | run \\x1b[2Jthis\n    | + env.set A=1\n"),
                               HasSubstr("(3616 more bytes are not shown here: ")));
  const Finished trusted = person_.Ambit({"trust", "--yes"});
  EXPECT_EQ(trusted.exit_code, 0);
  EXPECT_THAT(trusted.err, HasSubstr("/ambit.toml is trusted as it is now (SHA-256 "));
}

TEST_P(PolicyFiles, OfAProjectAreToldInShortWhereTheirContentFillsTheScreen) {
  Project("[env]\nset = {GIVEN = 'x'}\n[fs.files]\n'~/long' = \"\"\"" + std::string(1000, '\n') +
          "\"\"\"\n");
  const std::string out = person_.Ambit({"trust"}).out;
  ASSERT_THAT(out, HasSubstr("in short:\n"));
  const std::string last = out.substr(out.find("in short:\n"));
  EXPECT_THAT(last, AllOf(HasSubstr("+ env.set GIVEN=x\n"), HasSubstr("/long (")));
  EXPECT_LT(std::ranges::count(last, '\n'), 5);
}

TEST_P(PolicyFiles, OfAProjectAreAskedAboutWhenOnlyTheContentOfAFileChanges) {
  person_.Write("home/.config/ambit/config.toml", "[fs.files]\n'~/f' = 'mine'\n");
  Project("[fs.files]\n'~/f' = 'evil'\n");
  EXPECT_THAT(person_.Ambit({"trust"}).out, HasSubstr("    | evil\n"));
}

TEST_P(PolicyFiles, OfAProjectOnlyTakeAwayUntilTheyAreTrusted) {
  person_.Write("project/.gitignore", "x\n");
  person_.Write("project/plan.cfg", "A=1\n");
  Project("[fs]\nhide = [\"plan.cfg\"]\n[env]\nset = { GIVEN = \"yes\" }\n");
  const Finished before = Run("ls; echo given=$GIVEN");
  EXPECT_EQ(before.exit_code, 0) << before.err;
  EXPECT_THAT(before.out, AllOf(HasSubstr("given=\n"), Not(HasSubstr("plan.cfg"))));
  EXPECT_THAT(before.err,
              HasSubstr(":4:9: env.set 'GIVEN' is left out: the project's file is not"));
  EXPECT_THAT(before.err, HasSubstr("ambit trust"));

  const Finished unasked = person_.Ambit({"trust"});
  EXPECT_EQ(unasked.exit_code, 1) << "no terminal, no answer";
  EXPECT_EQ(unasked.out, "+ env.set GIVEN=yes\n");
  EXPECT_THAT(Run("echo given=$GIVEN").out, HasSubstr("given=\n"));

  ASSERT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  const Finished after = Run("echo given=$GIVEN");
  EXPECT_EQ(after.out, "given=yes\n") << after.err;
  EXPECT_THAT(after.err, Not(HasSubstr("left out")));

  Project("[fs]\nhide = [\"plan.cfg\"]\n[env]\nset = { GIVEN = \"more\" }\n");
  EXPECT_EQ(Run("echo given=$GIVEN").out, "given=\n") << "another text is another file";
  ASSERT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  ASSERT_EQ(person_.Ambit({"trust", "--revoke"}).exit_code, 0);
  EXPECT_EQ(Run("echo given=$GIVEN").out, "given=\n");
}

TEST_P(PolicyFiles, WhatIsLeftOutIsOnRecord) {
  Project("[env]\nset = { GIVEN = \"yes\" }\n");
  ASSERT_EQ(Run("true").exit_code, 0);
  const Finished journal =
      person_.Execute({"/bin/sh", "-c", "cat ~/.local/state/ambit/runs/*/journal.jsonl"});
  EXPECT_THAT(journal.out, AllOf(HasSubstr("\"policy.left_out\""), HasSubstr("GIVEN")));
}

TEST_P(PolicyFiles, AnAgentCannotTrustItsOwn) {
  Project("[env]\nset = { GIVEN = \"yes\" }\n");
  const Finished run = person_.Execute({"/bin/sh", "-c",
                                        "\"$AMBIT\" run -q --ro \"$AMBIT\" -- \"$AMBIT\" trust "
                                        "--yes; \"$AMBIT\" run -q -- sh -c 'echo given=$GIVEN'"},
                                       {}, {{"AMBIT", AmbitBinary()}});
  EXPECT_THAT(run.out, HasSubstr("given=\n")) << run.err;
}

TEST_P(PolicyFiles, ATestThatDoesNotHoldStartsNothing) {
  Project("[[test]]\nfs_hidden = [\"~/.ssh\"]\nenv_hidden = [\"TOKEN\"]\n");
  EXPECT_EQ(Run("true").exit_code, 0);
  EXPECT_EQ(person_.Ambit({"policy", "test"}).out, "2 of 2 hold\n");
  Project("[[test]]\nfs_hidden = [\"/usr/bin/env\"]\n");
  const Finished run = Run("touch ran");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err,
              HasSubstr(File() + ":2:14: test.fs_hidden: '/usr/bin/env' can be read inside"));
  EXPECT_EQ(person_.Ambit({"policy", "test"}).exit_code, 1);
}

TEST_P(PolicyFiles, ShowSaysWhereEveryValueComesFrom) {
  User("[fs]\nproject = \"ro\"\n");
  const Finished shown = person_.Ambit({"policy", "show", "--env", "A=1"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr(person_.home() + "/.config/ambit/config.toml:2:11"));
  EXPECT_THAT(shown.out, HasSubstr("--env"));
  EXPECT_THAT(shown.out, HasSubstr("built in"));
  EXPECT_THAT(person_.Ambit({"policy", "show", "--json"}).out, HasSubstr("\"source\": \"user\""));
}

TEST_P(PolicyFiles, AHostileProjectFileIsNoDevice) {
  ASSERT_EQ(person_.Execute({"/bin/sh", "-c", "mkfifo ambit.toml"}).exit_code, 0);
  const Finished run = Run("true");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err, HasSubstr("ambit.toml"));
}

TEST_P(PolicyFiles, TheManagedOneBoundsAllOthers) {
  person_.Write("data/a.txt", "of the host\n");
  const std::string data = person_.root() + "/data";
  person_.Write("managed/policy.toml", "[fs]\nro = [\"/opt\"]\n[env]\npass = [\"LANG\"]\n");
  const std::string set_up =
      "mount -t tmpfs none /mnt; cp -a /etc/. /mnt 2>/dev/null || :; mkdir /mnt/ambit; cp " +
      person_.root() +
      "/managed/policy.toml /mnt/ambit/; chmod 644 /mnt/ambit/policy.toml; "
      "mount --bind /mnt /etc";
  const std::string command = "'" + AmbitBinary() + "' run --ro " + data +
                              " --env TOKEN=1 -- sh -c 'cat " + data + "/a.txt; echo token=$TOKEN'";
  const Finished run = InOwnMounts(person_, set_up, command);
  if (::geteuid() == 0) {
    EXPECT_THAT(run.out, AllOf(HasSubstr("token=\n"), Not(HasSubstr("of the host")))) << run.err;
    EXPECT_THAT(run.err, HasSubstr("the managed policy does not allow it"));
  } else {  // it is not root's, and nothing else can be made here
    EXPECT_EQ(run.exit_code, 125);
    EXPECT_THAT(run.err, HasSubstr("can be written by others than root"));
  }
}

TEST_P(PolicyFiles, HomeDoesNotMoveABoundOfTheManagedOne) {
  if (::geteuid() != 0) return;  // only root can make one; the one above says what else happens
  person_.Write("other/data/a.txt", "of the host\n");
  const std::string other = person_.root() + "/other";
  person_.Write("managed/policy.toml", "[fs]\nro = [\"~/data\"]\n");
  const std::string set_up =
      "mount -t tmpfs none /mnt; cp -a /etc/. /mnt 2>/dev/null || :; mkdir /mnt/ambit; cp " +
      person_.root() +
      "/managed/policy.toml /mnt/ambit/; chmod 644 /mnt/ambit/policy.toml; "
      "mount --bind /mnt /etc";
  const Finished run =
      InOwnMounts(person_, set_up,
                  "HOME='" + other + "' '" + AmbitBinary() + "' run --ro " + other +
                      "/data -- sh -c 'cat " + other + "/data/a.txt; echo ran'");
  EXPECT_EQ(run.out, "ran\n") << run.err;
  EXPECT_THAT(run.err, HasSubstr("the managed policy does not allow it"));
}

TEST_P(PolicyFiles, ALinkOfTheProjectDoesNotDecideWhatIsShown) {
  person_.Write("home/.ssh/id", "KEY\n");
  person_.Write("project/x/tools/id", "of the project\n");
  Project("[fs]\nro = [\"./x/tools\"]\n");
  ASSERT_EQ(person_.Ambit({"trust", "--yes"}).exit_code, 0);
  EXPECT_EQ(Run("cat x/tools/id").out, "of the project\n") << "the control";
  ASSERT_EQ(person_.Execute({"/bin/sh", "-c", "rm -r x; mkdir x; ln -s ~/.ssh x/tools"}).exit_code,
            0);
  const Finished run = Run("cat x/tools/id");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err,
              HasSubstr("in the project leads out of it, to '" + person_.home() + "/.ssh'"));
  const Finished flag = person_.Ambit({"run", "--no-preset", "--cow", "x/tools", "--", "true"});
  EXPECT_EQ(flag.exit_code, 125);
}

TEST_P(PolicyFiles, TheWholeHomeIsNeverShown) {
  for (const std::string& path : {person_.home(), person_.root()}) {
    for (const char* flag : {"--ro", "--cow"}) {
      const Finished run = person_.Ambit({"run", flag, path, "--", "true"}, {},
                                         {{"XDG_STATE_HOME", "/var/tmp/not-in-the-home"}});
      EXPECT_EQ(run.exit_code, 125);
      EXPECT_THAT(run.err, HasSubstr("is or contains your home directory"));
    }
  }
}

TEST_P(PolicyFiles, PlanPrintsWhatARunWouldBeAndStartsNothing) {
  const Finished plan = person_.Ambit({"plan", "--env", "A=1", "--", "touch", "ran"});
  EXPECT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, AllOf(HasSubstr("argument touch"), HasSubstr("variable A")));
  EXPECT_THAT(plan.err, Not(HasSubstr("touch")));
  EXPECT_THAT(person_.Ambit({"plan", "--json", "--", "true"}).out, HasSubstr("\"mounts\""));
  User("[fs.files]\n'~/long' = '" + std::string(20'000, 'a') + "'\n'~/short' = 'a few'\n");
  EXPECT_THAT(person_.Ambit({"plan", "--", "true"}).out,
              AllOf(HasSubstr("/long 0600 (20000 bytes)\n"), HasSubstr("0600 \"a few\"\n")));
  const Finished nowhere = person_.Ambit({"plan", "--", "no-such-command"});
  EXPECT_EQ(nowhere.exit_code, 0);
  EXPECT_EQ(nowhere.err,
            "ambit: 'no-such-command' is neither inside nor on this machine\n"
            "ambit: check the spelling, or install it\n");
  person_.Write("home/bin/tool", "#!/bin/sh\n", 0755);
  EXPECT_THAT(person_.Ambit({"plan", "--", person_.home() + "/bin/tool"}).err,
              HasSubstr("which is not visible inside"));
  User("");
  EXPECT_FALSE(person_.Exists("home/.local/state/ambit/runs"));
}

TEST_P(PolicyFiles, APresetIsChosenByTheCommandsNameAndCanBeLeftOut) {
  EXPECT_THAT(person_.Ambit({"run", "--", "npm", "--version"}).err, HasSubstr("preset node"));
  EXPECT_THAT(person_.Ambit({"run", "--no-preset", "--", "npm", "--version"}).err,
              Not(HasSubstr("preset node")));
  EXPECT_THAT(person_.Ambit({"run", "--preset", "nod", "--", "true"}).err,
              HasSubstr("no preset 'nod'; did you mean 'node'?"));
  EXPECT_THAT(person_.Ambit({"preset", "list"}).out, HasSubstr("claude"));
  EXPECT_THAT(person_.Ambit({"preset", "show", "node"}).out, HasSubstr("commands"));
}

}  // namespace
}  // namespace ambit::testing
