// What of the launcher's environment a command sees.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::map<std::string, std::string> Variables(const std::string& text) {
  std::map<std::string, std::string> variables;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t equals = line.find('=');
    variables[line.substr(0, equals)] = equals == std::string::npos ? "" : line.substr(equals + 1);
  }
  return variables;
}

class Environment : public ::testing::TestWithParam<Who> {
 protected:
  Finished Env(std::vector<std::string> flags, std::map<std::string, std::string> launcher) const {
    std::vector<std::string> arguments = {"run", "-q"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.insert(arguments.end(), {"--", "env"});
    return person_.Ambit(std::move(arguments), {}, std::move(launcher));
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Environment, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Environment, IsExactlyTheBaseList) {
  const auto variables = Variables(Env({}, {{"TERM", "xterm-256color"},
                                            {"COLORTERM", "truecolor"},
                                            {"LC_TIME", "C"},
                                            {"TZ", "Europe/Berlin"},
                                            {"NO_COLOR", "1"},
                                            {"ANTHROPIC_API_KEY", "sk-leak"},
                                            {"LD_PRELOAD", ""},
                                            {"LANGUAGE", "en"},
                                            {"TERMINFO", "/x"},
                                            {"SSH_AUTH_SOCK", "/x"},
                                            {"XDG_RUNTIME_DIR", "/x"},
                                            {"AMBIT", "no"},
                                            {"PWD", person_.project()}})
                                       .out);
  const std::string user = GetParam() == Who::kRoot ? "agent" : person_.Execute({"id", "-un"}).out;
  std::map<std::string, std::string> expected = {{"AMBIT", "1"},
                                                 {"COLORTERM", "truecolor"},
                                                 {"HOME", person_.home()},
                                                 {"LANG", "C.UTF-8"},
                                                 {"LC_TIME", "C"},
                                                 {"NO_COLOR", "1"},
                                                 {"TERM", "xterm-256color"},
                                                 {"TZ", "Europe/Berlin"}};
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(variables.contains(name)) << name;
    EXPECT_EQ(variables.at(name), value) << name;
  }
  for (const char* name : {"PATH", "SHELL", "USER", "LOGNAME"}) {
    EXPECT_TRUE(variables.contains(name)) << name;
  }
  EXPECT_EQ(variables.size(), expected.size() + 4) << Env({}, {}).out;
  EXPECT_EQ(variables.at("USER") + (GetParam() == Who::kRoot ? "" : "\n"), user);
  EXPECT_EQ(variables.at("USER"), variables.at("LOGNAME"));
}

TEST_P(Environment, PassesWhatIsNamedAndSetsWhatIsGiven) {
  const auto variables = Variables(
      Env({"--env", "PASSED", "--env", "GIVEN=a=b c", "--env", "ABSENT", "--env", "EMPTY="},
          {{"PASSED", "value"}, {"GIVEN", "other"}, {"UNNAMED", "secret"}})
          .out);
  EXPECT_EQ(variables.at("PASSED"), "value");
  EXPECT_EQ(variables.at("GIVEN"), "a=b c");
  EXPECT_EQ(variables.at("EMPTY"), "");
  EXPECT_FALSE(variables.contains("ABSENT"));
  EXPECT_FALSE(variables.contains("UNNAMED"));
}

TEST_P(Environment, RefusesANameThatIsNone) {
  for (const char* flag : {"=x", "A B=x", "1A=x", "A-B"}) {
    const Finished run = Env({"--env", flag}, {});
    EXPECT_EQ(run.exit_code, 125) << flag;
    EXPECT_THAT(run.err, HasSubstr("--env")) << flag;
  }
}

TEST_P(Environment, PathNamesOnlyWhatExistsInside) {
  person_.Write("project/bin/tool", "#!/bin/sh\necho tool\n", 0755);
  person_.Write("beside/bin/tool", "#!/bin/sh\necho beside\n", 0755);
  const std::string path = person_.root() + "/beside/bin:" + person_.home() +
                           "/bin:relative::/usr/bin:" + person_.project() + "/bin:/usr/../etc";
  const Finished run = Env({}, {{"PATH", path}});
  const std::string inside = Variables(run.out)["PATH"];
  EXPECT_THAT(inside, ::testing::StartsWith("/usr/bin:" + person_.project() + "/bin:"));
  for (const char* absent : {"beside", "home/bin", "relative", "..", "::"}) {
    EXPECT_THAT(inside, Not(HasSubstr(absent)));
  }
  EXPECT_EQ(person_.Ambit({"run", "-q", "--", "tool"}, {}, {{"PATH", path}}).out, "tool\n");
}

TEST_P(Environment, NoProcessInsideHoldsAnythingOfTheLaunchers) {
  const std::string secret = "ambit-planted-secret";
  const std::string look =
      "cat /proc/[0-9]*/environ /proc/self/cmdline 2>/dev/null | tr '\\0' '\\n'";
  // The control: the scan finds it where it is.
  EXPECT_THAT(person_.Execute({"sh", "-c", look}, {}, {{"PLANTED", secret}}).out,
              HasSubstr(secret));
  const Finished run =
      person_.Ambit({"run", "-q", "--", "sh", "-c", look}, {}, {{"PLANTED", secret}});
  EXPECT_THAT(run.out, HasSubstr("AMBIT=1"));
  EXPECT_THAT(run.out, Not(HasSubstr(secret)));
}

TEST_P(Environment, TheRecordOfThePlanNamesVariablesWithoutValues) {
  ASSERT_EQ(Env({"--env", "TOKEN"}, {{"TOKEN", "planted-value"}}).exit_code, 0);
  const Finished record = person_.Execute(
      {"sh", "-c", "cd ~/.local/state/ambit/runs/* && stat -c %a plan.json && cat plan.json"});
  EXPECT_THAT(record.out, ::testing::StartsWith("600\n{"));
  EXPECT_THAT(record.out, HasSubstr("\"TOKEN\""));
  EXPECT_THAT(record.out, Not(HasSubstr("planted-value")));
}

}  // namespace
}  // namespace ambit::testing
