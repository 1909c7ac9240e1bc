// ambit shell: the person's shell in a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

class Shell : public ::testing::TestWithParam<Who> {
 protected:
  Finished Type(const std::string& line, const std::string& flags,
                std::map<std::string, std::string> environment) const {
    return person_.Execute(
        {"sh", "-c", "echo '" + line + "' | " + AmbitBinary() + " shell -q " + flags}, {},
        std::move(environment));
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Shell, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Shell, IsThePersonsAndInteractive) {
  person_.Write("project/file", "x\n");
  for (const char* shell : {"/bin/bash", "/bin/sh"}) {
    const Finished run = Type("echo $0 $- ; ls; exit 7", "", {{"SHELL", shell}});
    EXPECT_EQ(run.exit_code, 7) << run.err;
    EXPECT_THAT(run.out, ::testing::MatchesRegex(std::string(shell) + " [a-zA-Z]*i.*\nfile\n"));
  }
}

TEST_P(Shell, IsAnotherOneWhereTheirsIsNotVisible) {
  person_.Write("home/bin/fish", "#!/bin/sh\necho fish \"$@\"\n", 0755);
  const std::string fish = person_.home() + "/bin/fish";
  const Finished hidden = Type("echo $0", "", {{"SHELL", fish}});
  EXPECT_EQ(hidden.exit_code, 0) << hidden.err;
  EXPECT_THAT(hidden.out, ::testing::StartsWith("/"));
  EXPECT_THAT(hidden.out, ::testing::Not(HasSubstr("fish")));
  const Finished shown = Type("true", "--ro " + person_.home() + "/bin", {{"SHELL", fish}});
  EXPECT_EQ(shown.out, "fish -i\n") << shown.err;
}

TEST_P(Shell, TakesTheFlagsOfRunAndNoCommand) {
  const Finished run = Type("touch new; ls", "--project ro", {{"SHELL", "/bin/sh"}});
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(person_.Ambit({"shell", "ls"}).exit_code, 125);
}

}  // namespace
}  // namespace ambit::testing
