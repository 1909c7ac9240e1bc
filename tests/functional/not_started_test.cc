// A command that cannot be started: where it is, and which flags bring it in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class NotStarted : public ::testing::TestWithParam<Who> {
 protected:
  Finished Run(std::vector<std::string> flags, const std::string& command) const {
    std::vector<std::string> arguments = {"run", "-q"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.emplace_back("--");
    arguments.push_back(command);
    return person_.Ambit(arguments, {}, {{"PATH", path_ + ":/usr/bin:/bin"}});
  }

  /// The flags that the message proposes.
  static std::vector<std::string> Proposed(const std::string& err) {
    std::istringstream words(err);
    std::vector<std::string> flags;
    for (std::string word; words >> word;) {
      if (word != "--ro") continue;
      flags.push_back(word);
      words >> word;
      flags.push_back(word.substr(0, word.find(',')));
    }
    return flags;
  }

  Scratch person_{GetParam()};
  std::string path_ = person_.home() + "/.local/bin";
};
INSTANTIATE_TEST_SUITE_P(As, NotStarted, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(NotStarted, WhatIsProposedBringsTheCommandIn) {
  person_.Write("home/.local/share/agent/versions/1/agent", "#!/bin/sh\necho here\n", 0755);
  person_.Write("home/.local/bin/keep", "");
  fs::create_symlink("../share/agent/versions/1/agent", person_.home() + "/.local/bin/agent");
  const Finished missing = Run({}, "agent");
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_EQ(missing.err, "ambit: 'agent' is at " + path_ +
                             "/agent on this machine, which is not visible inside\n"
                             "ambit: --ro " +
                             person_.home() + "/.local/share/agent --ro " + path_ + "\n");
  const Finished found = Run(Proposed(missing.err), "agent");
  EXPECT_EQ(found.out, "here\n") << found.err;
  EXPECT_EQ(Run({}, path_ + "/agent").exit_code, 127);
  EXPECT_EQ(Run(Proposed(missing.err), path_ + "/agent").out, "here\n");
}

TEST_P(NotStarted, AScriptOfNpmComesWithTheNodeThatItAsksFor) {
  const std::string node = person_.home() + "/.nvm/versions/node/v22";
  person_.Write("home/.nvm/versions/node/v22/bin/node", "#!/bin/sh\necho node \"$(basename $1)\"\n",
                0755);
  person_.Write("home/.npm-global/lib/node_modules/agent/cli.js", "#!/usr/bin/env node\n", 0755);
  person_.Write("home/.npm-global/bin/keep", "");
  fs::create_symlink("../lib/node_modules/agent/cli.js", person_.home() + "/.npm-global/bin/agent");
  path_ = person_.home() + "/.npm-global/bin:" + node + "/bin";
  const Finished missing = Run({}, "agent");
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_THAT(missing.err,
              HasSubstr("--ro " + person_.home() + "/.npm-global --ro " + node + "/bin"));
  const Finished found = Run(Proposed(missing.err), "agent");
  EXPECT_EQ(found.out, "node agent\n") << found.err;
}

TEST_P(NotStarted, OneInTheHomeItselfIsShownAlone) {
  person_.Write("home/tool", "#!/bin/sh\nls -A ~\n", 0755);
  path_ = person_.home();
  const Finished missing = Run({}, "tool");
  EXPECT_THAT(missing.err, HasSubstr("--ro " + person_.home() + "/tool, and name"));
  EXPECT_EQ(Run(Proposed(missing.err), person_.home() + "/tool").out, "tool\n");
}

TEST_P(NotStarted, AScriptInTheProjectNamesItsInterpreter) {
  person_.Write("home/py/bin/python", "#!/bin/sh\necho python\n", 0755);
  person_.Write("project/tool", "#!" + person_.home() + "/py/bin/python\n", 0755);
  const Finished missing = Run({}, "./tool");
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_THAT(missing.err, HasSubstr("is a script for '" + person_.home() + "/py/bin/python'"));
  EXPECT_EQ(Run(Proposed(missing.err), "./tool").out, "python\n");
  person_.Write("project/other", "#!/no/such/python\n", 0755);
  const Finished none = Run({}, "./other");
  EXPECT_EQ(none.exit_code, 127);
  EXPECT_THAT(none.err, HasSubstr("'/no/such/python', which does not exist on this machine"));
}

TEST_P(NotStarted, WhatIsThereButCannotRunSaysWhy) {
  person_.Write("project/plain", "#!/bin/sh\n", 0644);
  person_.Write("project/bare", "echo hello\n", 0755);
  fs::create_directory(person_.project() + "/dir");
  const auto expect = [&](const std::string& command, const std::string& words) {
    const Finished run = Run({}, command);
    EXPECT_EQ(run.exit_code, 126) << command;
    EXPECT_THAT(run.err, HasSubstr(words));
  };
  expect("./plain", "chmod +x '");
  expect("./bare", "neither a program for this machine nor a script");
  expect("./dir", "'./dir' is a directory");
  expect("/etc/passwd", "'/etc/passwd' is made by ambit for each run, and is no program");
  const Finished nowhere = Run({}, "no-such-command");
  EXPECT_EQ(nowhere.exit_code, 127);
  EXPECT_THAT(nowhere.err, HasSubstr("'no-such-command' is neither inside nor on this machine"));
}

TEST_P(NotStarted, NothingIsSaidOfWhatLiesBesideAKey) {
  person_.Write("home/.ssh/tool", "#!/bin/sh\n", 0755);
  const Finished run = Run({}, person_.home() + "/.ssh/tool");
  EXPECT_EQ(run.exit_code, 127);
  EXPECT_THAT(run.err, ::testing::Not(HasSubstr("--ro")));
}

}  // namespace
}  // namespace ambit::testing
