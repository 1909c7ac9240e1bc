// Files that exist only inside, in the home and in /etc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

class HomeFiles : public ::testing::TestWithParam<Who> {
 protected:
  Finished Run(const std::string& script, std::vector<std::string> flags) const {
    std::vector<std::string> argv = {AMBIT_RUN_WITH_POLICY, "--from", "preset p"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    for (const char* word : {"--", "/bin/sh", "-c"}) argv.emplace_back(word);
    argv.push_back(script);
    return person_.Execute(std::move(argv));
  }
  std::string Settings() const { return person_.home() + "/.gemini/deep/settings.json"; }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, HomeFiles, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(HomeFiles, AreTheAgentsOwnAndGoneAfterTheRun) {
  person_.Write("home/.gemini/deep/settings.json", "the host's\n");
  const std::vector<std::string> flags = {"--file", Settings() + "={\"a\": 1}\n", "--file",
                                          person_.home() + "/top=x"};
  const Finished run = Run(
      "cd ~/.gemini/deep && cat settings.json && stat -c '%a %u' .. . settings.json | "
      "sed \"s/ $(id -u)$/ mine/\" && echo new > t && mv t settings.json && cat settings.json && "
      "ls -A ~ && echo y >> ~/top",
      flags);
  EXPECT_EQ(run.out, "{\"a\": 1}\n700 mine\n700 mine\n600 mine\nnew\n.gemini\ntop\n") << run.err;
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Run("cat ~/.gemini/deep/settings.json ~/top", flags).out, "{\"a\": 1}\nx");
  EXPECT_EQ(person_.Read("home/.gemini/deep/settings.json"), "the host's\n");
  EXPECT_EQ(person_.Sh("ls -A ~").out, "");
}

TEST_P(HomeFiles, InEtcAreToRead) {
  const std::vector<std::string> flags = {"--file", "/etc/codex/managed_config.toml=a = 1\n"};
  const Finished run =
      Run("cat /etc/codex/managed_config.toml; echo x >> /etc/codex/managed_config.toml; "
          "rm -f /etc/codex/managed_config.toml; touch /etc/codex/x; ls /etc/codex",
          flags);
  EXPECT_EQ(run.out, "a = 1\nmanaged_config.toml\n");
  EXPECT_THAT(run.err, HasSubstr("Read-only file system"));
  EXPECT_EQ(person_.Sh("ls /etc/codex").exit_code, 2);
  EXPECT_EQ(Run("cat /etc/codex/managed_config.toml",
                {"--file", "/etc/codex/managed_config.toml=a = 2\n"})
                .out,
            "a = 2\n");
}

TEST_P(HomeFiles, LieBesideWhatIsKeptAndShown) {
  person_.Write("home/.gemini/shown/x", "shown\n");
  const Finished run =
      Run("cat ~/.gemini/settings.json ~/.gemini/shown/x; ls -A ~/.gemini; touch "
          "~/.gemini/kept/x",
          {"--file", person_.home() + "/.gemini/settings.json=s\n", "--keep",
           person_.home() + "/.gemini/kept", "--ro", person_.home() + "/.gemini/shown"});
  EXPECT_EQ(run.out, "s\nshown\nkept\nsettings.json\nshown\n") << run.err;
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_P(HomeFiles, NeverGoIntoTheHostsTree) {
  const std::string before = person_.Fingerprint();
  person_.Write("home/.tool/x", "x\n");
  const auto expect_refused = [&](const std::string& path, const std::string& named,
                                  std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--file", path + "=x"});
    const Finished run = Run("true", flags);
    EXPECT_EQ(run.exit_code, 125) << path;
    EXPECT_THAT(run.err, HasSubstr("preset p '" + path + "'"));
    EXPECT_THAT(run.err, HasSubstr(named));
  };
  expect_refused(person_.project() + "/new", "neither below the home");
  expect_refused("/etc/passwd", "is made for each run");
  expect_refused("/usr/new", "neither below the home");
  expect_refused(person_.home() + "/../x", "without . and ..");
  const std::string below = person_.home() + "/.tool/new";
  for (const char* flag : {"--ro", "--cow"}) {
    expect_refused(below, "is shown from the host", {flag, person_.home() + "/.tool"});
  }
  expect_refused(below, "is kept", {"--keep", person_.home() + "/.tool"});
  EXPECT_EQ(person_.Fingerprint(), before);
  EXPECT_FALSE(person_.Exists("home/.tool/new"));
}

}  // namespace
}  // namespace ambit::testing
