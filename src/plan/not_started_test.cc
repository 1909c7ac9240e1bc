#include "plan/not_started.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ambit::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kHome = "/home/ann";

class NotStartedTest : public ::testing::Test {
 protected:
  NotStartedTest() {
    facts_.person.home = facts_.person.own_home = kHome;
    facts_.state_root = kHome + "/.local/state/ambit/runs";
    plan_.mounts = {{.kind = Mount::Kind::kBind, .inside = "/usr"},
                    {.kind = Mount::Kind::kTmpfs, .inside = "/tmp"},
                    {.kind = Mount::Kind::kHome, .inside = kHome},
                    {.kind = Mount::Kind::kKept, .inside = kHome + "/.kept"},
                    {.kind = Mount::Kind::kLayer, .inside = kHome + "/code/p"}};
    plan_.path_entries = {"/usr/bin"};
  }

  static host::FoundFile File(std::vector<std::string> hops) {
    return {.path = hops.front(), .hops = std::move(hops), .executable = true};
  }

  NotStarted Explain(const std::string& name, std::vector<std::string> hops,
                     std::set<std::string> markers = {}, int error = ENOENT) const {
    host::CommandFacts command{.name = name, .file = File(std::move(hops))};
    command.markers = std::move(markers);
    return ExplainNotStarted(plan_, facts_, command, error);
  }

  std::string FlagsFor(std::vector<std::string> hops, std::set<std::string> markers = {}) const {
    return Explain("claude", std::move(hops), std::move(markers)).remedy;
  }

  host::HostFacts facts_;
  LaunchPlan plan_;
};

TEST_F(NotStartedTest, SaysWhereTheCommandIsAndWhatBringsItIn) {
  const NotStarted told = Explain(
      "claude", {kHome + "/.local/bin/claude", kHome + "/.local/share/claude/versions/2.1/claude"});
  EXPECT_EQ(told.what,
            "'claude' is at /home/ann/.local/bin/claude on this machine, which is not visible "
            "inside");
  EXPECT_EQ(told.remedy, "--ro /home/ann/.local/share/claude --ro /home/ann/.local/bin");
}

TEST_F(NotStartedTest, APackageOfNpmComesWithItsPrefixOrItsModules) {
  const std::string nvm = kHome + "/.nvm/versions/node/v22.1.0";
  EXPECT_EQ(FlagsFor({nvm + "/bin/claude", nvm + "/lib/node_modules/@a/claude/cli.js"}),
            "--ro " + nvm);
  EXPECT_EQ(FlagsFor({kHome + "/.local/bin/claude", kHome + "/.local/lib/node_modules/c/cli.js"}),
            "--ro /home/ann/.local/lib/node_modules --ro /home/ann/.local/bin");
  EXPECT_EQ(FlagsFor({kHome + "/bin/claude", kHome + "/lib/node_modules/c/cli.js"}),
            "--ro /home/ann/lib/node_modules --ro /home/ann/bin");
  EXPECT_EQ(FlagsFor({kHome + "/t/node_modules/.bin/claude", kHome + "/t/node_modules/c/cli.js"}),
            "--ro /home/ann/t");
  EXPECT_EQ(FlagsFor({kHome + "/node_modules/.bin/claude", kHome + "/node_modules/c/cli.js"}),
            "--ro /home/ann/node_modules");
}

TEST_F(NotStartedTest, AnInterpreterThatIsHiddenAsWellComesAlong) {
  host::CommandFacts command{.name = "claude",
                             .file = File({kHome + "/.npm-global/bin/claude",
                                           kHome + "/.npm-global/lib/node_modules/c/cli.js"})};
  command.interpreter = host::Interpreter{.path = "/usr/bin/env", .name = "node"};
  const std::string node = kHome + "/.nvm/versions/node/v22";
  command.interpreter_file = File({node + "/bin/node"});
  EXPECT_EQ(ExplainNotStarted(plan_, facts_, command, ENOENT).remedy,
            "--ro /home/ann/.npm-global --ro " + node + "/bin");
  command.markers = {node + "/lib/node_modules"};
  EXPECT_EQ(ExplainNotStarted(plan_, facts_, command, ENOENT).remedy,
            "--ro /home/ann/.npm-global --ro " + node);
  command.interpreter_file = File({"/usr/bin/node"});
  EXPECT_EQ(ExplainNotStarted(plan_, facts_, command, ENOENT).remedy, "--ro /home/ann/.npm-global");
}

TEST_F(NotStartedTest, AVirtualEnvironmentComesWhole) {
  EXPECT_EQ(FlagsFor({kHome + "/venvs/a/bin/aider"}, {kHome + "/venvs/a/pyvenv.cfg"}),
            "--ro /home/ann/venvs/a");
  EXPECT_EQ(FlagsFor({kHome + "/.local/bin/aider", kHome + "/.local/share/uv/tools/a/bin/aider"},
                     {kHome + "/.local/share/uv/tools/a/pyvenv.cfg"}),
            "--ro /home/ann/.local/share/uv --ro /home/ann/.local/bin");
}

TEST_F(NotStartedTest, OnlyWhatIsHiddenIsProposed) {
  EXPECT_EQ(FlagsFor({kHome + "/.cargo/bin/codex"}), "--ro /home/ann/.cargo/bin");
  EXPECT_EQ(FlagsFor({kHome + "/bin/claude", "/usr/bin/claude"}), "--ro /home/ann/bin");
  EXPECT_EQ(FlagsFor({"/tmp/tools/bin/claude"}), "--ro /tmp/tools/bin");
  // What was kept is the agent's, not the host's file of that name.
  EXPECT_EQ(FlagsFor({kHome + "/.kept/bin/claude"}), "--ro /home/ann/.kept/bin");
}

TEST_F(NotStartedTest, NoHomeAndNothingWithSecretsIsProposed) {
  const std::string by_path = ", and name the command by its path: ";
  EXPECT_EQ(FlagsFor({kHome + "/claude"}), "--ro /home/ann/claude" + by_path + "/home/ann/claude");
  EXPECT_EQ(FlagsFor({"/home/bob/claude"}), "--ro /home/bob/claude" + by_path + "/home/bob/claude");
  EXPECT_EQ(FlagsFor({"/home/claude"}), "--ro /home/claude" + by_path + "/home/claude");
  EXPECT_EQ(FlagsFor({"/claude"}), "--ro /claude" + by_path + "/claude");
  EXPECT_EQ(FlagsFor({"/data/ann/claude"}, {"/data/ann/.ssh"}),
            "--ro /data/ann/claude" + by_path + "/data/ann/claude");
  for (const char* dir : {"/.config", "/.local", "/.local/share", "/.local/state", "/.cache"}) {
    const std::string file = kHome + dir + "/claude";
    EXPECT_EQ(FlagsFor({file}), "--ro " + file + by_path + file);
  }
  for (const char* dir : {"/.ssh", "/.aws/bin", "/.docker/cli-plugins"}) {
    const NotStarted told = Explain("claude", {kHome + dir + "/claude"});
    EXPECT_THAT(told.remedy, Not(HasSubstr("--ro")));
    EXPECT_THAT(told.what, HasSubstr("not visible inside"));
  }
  facts_.state_root = "/srv/state/ambit/runs";
  EXPECT_EQ(FlagsFor({"/srv/state/claude"}),
            "--ro /srv/state/claude" + by_path + "/srv/state/claude");
}

TEST_F(NotStartedTest, NamesAreQuotedForTheShellAndTheTerminal) {
  EXPECT_EQ(FlagsFor({kHome + "/my tools/claude"}), "--ro '/home/ann/my tools'");
  EXPECT_THAT(Explain("a\x1b[2J", {kHome + "/x\x1b/a"}).what, Not(HasSubstr("\x1b")));
}

TEST_F(NotStartedTest, ACommandThatIsNowhereIsSaidToBe) {
  const NotStarted told = ExplainNotStarted(plan_, facts_, {.name = "claud"}, ENOENT);
  EXPECT_EQ(told.what, "'claud' is neither inside nor on this machine");
}

TEST_F(NotStartedTest, AScriptWithoutItsInterpreterNamesIt) {
  host::CommandFacts command{.name = "./tool", .file = File({kHome + "/code/p/tool"})};
  command.interpreter = host::Interpreter{.path = kHome + "/py/bin/python", .name = {}};
  NotStarted told = ExplainNotStarted(plan_, facts_, command, ENOENT);
  EXPECT_EQ(told.what,
            "'./tool' is a script for '/home/ann/py/bin/python', which does not exist on this "
            "machine either");
  command.interpreter_file = File({kHome + "/py/bin/python", "/usr/bin/python3"});
  told = ExplainNotStarted(plan_, facts_, command, ENOENT);
  EXPECT_EQ(told.what,
            "'./tool' is a script for '/home/ann/py/bin/python', which is at "
            "/home/ann/py/bin/python on this machine, which is not visible inside");
  EXPECT_EQ(told.remedy, "--ro /home/ann/py/bin");
  command.interpreter.reset();
  command.interpreter_file.reset();
  EXPECT_THAT(ExplainNotStarted(plan_, facts_, command, ENOENT).what, HasSubstr("what loads it"));
}

TEST_F(NotStartedTest, AVisibleCommandOutsideOfPathIsNamedByItsPath) {
  const NotStarted told = Explain("tool", {kHome + "/alias/tool", kHome + "/code/p/tool"});
  EXPECT_THAT(told.remedy, HasSubstr("--ro /home/ann/alias"));
  EXPECT_EQ(Explain("tool", {kHome + "/code/p/bin/tool"}).remedy,
            "name it by its path: /home/ann/code/p/bin/tool");
}

TEST_F(NotStartedTest, WhatMayNotBeExecutedSaysWhy) {
  const auto explain = [&](host::FoundFile file, int error) {
    return ExplainNotStarted(plan_, facts_, {.name = "./t", .file = std::move(file)}, error);
  };
  host::FoundFile file = File({kHome + "/code/p/t"});
  EXPECT_THAT(explain(file, ENOEXEC).what, HasSubstr("neither a program"));
  EXPECT_THAT(explain(file, EACCES).remedy, HasSubstr("not for the run's user"));
  file.executable = false;
  EXPECT_EQ(explain(file, EACCES).remedy, "chmod +x '/home/ann/code/p/t'");
  file.directory = true;
  EXPECT_EQ(explain(file, EACCES).what, "'./t' is a directory");
  file = File({"/etc/hosts"});  // executable or not on the host: the run has its own
  EXPECT_EQ(explain(file, EACCES).what, "'./t' is made by ambit for each run, and is no program");
  file.executable = false;
  EXPECT_EQ(explain(file, EACCES).remedy, "name a command");
  EXPECT_THAT(explain(File({"/etc/tool/run"}), ENOENT).remedy, Not(HasSubstr("--ro")));
  EXPECT_TRUE(IsThere(EACCES) && IsThere(ENOEXEC) && !IsThere(ENOENT) && !IsThere(ENOTDIR));
}

}  // namespace
}  // namespace ambit::plan
