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
