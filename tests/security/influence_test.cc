// What may steer a run and what may not: the launcher's environment, files of the project, a state
// directory that others can reach, a run inside a run.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <sstream>

#include "attempts.h"
#include "running_run.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;

class Influence : public ::testing::TestWithParam<Who> {
 protected:
  /// `ambit run -- true` with this state directory; the message when it refuses.
  std::string RefusalWithState(const std::string& state_home) {
    const Finished run =
        person_.Ambit({"run", "-q", "--", "true"}, {}, {{"XDG_STATE_HOME", state_home}});
    EXPECT_TRUE(run.exit_code == 125 || run.exit_code == 0) << run.exit_code << run.err;
    EXPECT_EQ(run.exit_code == 0, run.err.empty()) << run.err;
    return run.err;
  }
  void GiveToPerson(const std::string& path, mode_t mode) {
    struct stat owner{};
    ASSERT_EQ(::stat(person_.root().c_str(), &owner), 0);
    ASSERT_EQ(::lchown(path.c_str(), owner.st_uid, owner.st_gid), 0);
    if (!fs::is_symlink(path)) {
      ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    }
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Influence, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Influence, OfTheLaunchersEnvironmentEndsAtTheListOfNames) {
  const Finished run = person_.Ambit({"run", "-q", "--", "env"}, {},
                                     {{"AMBIT_PROJECT", "ro"},
                                      {"AMBIT_TEST_WALLS_OFF", "mounts,landlock,seccomp"},
                                      {"LD_PRELOAD", "/tmp/evil.so"},
                                      {"LD_LIBRARY_PATH", "/tmp"},
                                      {"BASH_ENV", "/tmp/evil.sh"},
                                      {"ENV", "/tmp/evil.sh"},
                                      {"NODE_OPTIONS", "--require=/tmp/evil.js"},
                                      {"PYTHONSTARTUP", "/tmp/evil.py"},
                                      {"GIT_SSH_COMMAND", "evil"},
                                      {"GIT_CONFIG_GLOBAL", "/tmp/evil"},
                                      {"HTTP_PROXY", "http://evil.invalid"},
                                      {"https_proxy", "http://evil.invalid"},
                                      {"SSH_AUTH_SOCK", "/tmp/agent.sock"},
                                      {"AWS_SECRET_ACCESS_KEY", "secret"},
                                      {"TERM", "xterm"}});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  std::set<std::string> names;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) names.insert(line.substr(0, line.find('=')));
  // sh itself adds PWD, SHLVL and _; env is started without one.
  const std::set<std::string> base = {"AMBIT", "HOME",  "LANG", "LOGNAME",
                                      "PATH",  "SHELL", "TERM", "USER"};
  EXPECT_EQ(names, base);
}

TEST_P(Influence, OfProgramsInTheProjectOnAmbitItselfIsNone) {
  // Whatever ambit would execute by name, it would find here first.
  for (const char* name : {"git", "nft", "ip", "mount", "newuidmap", "newgidmap", "fusermount3",
                           "sh", "bwrap", "modprobe", "id", "getent"}) {
    person_.Write(fmt::format("project/bin/{}", name),
                  fmt::format("#!/bin/sh\necho executed > {}/executed\n", person_.root()), 0755);
  }
  person_.MakeGitProject();
  const Finished run = person_.Ambit({"run", "-q", "--", "/bin/true"}, {},
                                     {{"PATH", person_.project() + "/bin:/usr/bin:/bin"}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const Finished diff = person_.Ambit({"diff"}, {}, {{"PATH", person_.project() + "/bin"}});
  EXPECT_EQ(diff.exit_code, 0) << diff.err;
  EXPECT_FALSE(person_.Exists("executed"));
}

TEST_P(Influence, OfFilesInTheProjectOnTheWallsIsNone) {
  person_.Write("outside/secret", "secret\n");
  person_.Write(
      "project/ambit.toml",
      fmt::format("extends = [\"claude\"]\n[fs]\nro = [\"{0}/outside\"]\nproject = \"rw\"\n"
                  "cow = [\"{0}/home\"]\nkeep = [\"~/kept\"]\nunmask = [\".env\"]\n"
                  "[env]\npass = [\"UNWANTED\"]\nset = {{ LD_PRELOAD = \"/evil.so\" }}\n"
                  "[net]\nhost_ports = [1]\npublish = [\"0:80\"]\n[apply]\nauto_exec = \"allow\"\n",
                  person_.root()));
  person_.Write("project/.env", "AMBIT_PROJECT=rw\nLD_PRELOAD=/evil.so\nUNWANTED=yes\n");
  person_.Write("project/.envrc", "export UNWANTED=yes\n");
  person_.Write("project/AGENTS.md", "ambit: allow everything\n");
  const std::string before = person_.Fingerprint();
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "/bin/sh", "-c",
       fmt::format(
           "cat {}/outside/secret; echo ${{UNWANTED-unset}}; echo x >> AGENTS.md; cat .env; "
           "grep -c /kept /proc/self/mountinfo; echo ${{LD_PRELOAD-unset}}",
           person_.root())},
      {}, {{"UNWANTED", "yes"}});
  EXPECT_EQ(run.out,
            "unset\nAMBIT_PROJECT=ambit-placeholder\nLD_PRELOAD=ambit-placeholder\n"
            "UNWANTED=ambit-placeholder\n0\nunset\n")
      << run.err;
  EXPECT_EQ(person_.Fingerprint(), before);
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 1) << "AGENTS.md is held";
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(Influence, OfAStateDirectoryThatOthersCanWriteIsRefused) {
  const std::string open = person_.root() + "/open";
  fs::create_directory(open);
  GiveToPerson(open, 0777);
  EXPECT_NE(RefusalWithState(open).find("everybody can write"), std::string::npos);
  EXPECT_FALSE(fs::exists(open + "/ambit"));

  fs::create_directories(person_.root() + "/loose/ambit/runs");
  for (const char* dir : {"/loose", "/loose/ambit", "/loose/ambit/runs"}) {
    GiveToPerson(person_.root() + dir, 0700);
  }
  GiveToPerson(person_.root() + "/loose/ambit/runs", 0770);
  EXPECT_NE(RefusalWithState(person_.root() + "/loose").find("others can write"),
            std::string::npos);
}

TEST_P(Influence, OfAStateDirectoryThatIsALinkAtItsEndIsRefused) {
  fs::create_directories(person_.root() + "/state/ambit");
  fs::create_directories(person_.root() + "/elsewhere");
  fs::create_directory_symlink(person_.root() + "/elsewhere", person_.root() + "/state/ambit/runs");
  for (const char* path : {"/state", "/state/ambit", "/elsewhere", "/state/ambit/runs"}) {
    GiveToPerson(person_.root() + path, 0700);
  }
  EXPECT_NE(RefusalWithState(person_.root() + "/state"), "");
  EXPECT_TRUE(fs::is_empty(person_.root() + "/elsewhere"));
}

/// Needs directories of another user.
class InfluenceBesideOthers : public Influence {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(InfluenceBesideOthers);
INSTANTIATE_TEST_SUITE_P(As, InfluenceBesideOthers, ::testing::ValuesIn(EveryoneBesideOthers()),
                         [](const auto& param) { return NameOf(param.param); });

/// Somebody else's directory above could be renamed away and replaced between look and use.
TEST_P(InfluenceBesideOthers, OfAStateDirectoryBelowSomebodyElsesIsRefused) {
  const std::string foreign = person_.root() + "/foreign";
  fs::create_directories(foreign + "/mine");
  ASSERT_EQ(::chmod(foreign.c_str(), 0755), 0);
  GiveToPerson(foreign + "/mine", 0700);
  ASSERT_EQ(::chown(foreign.c_str(), 65533, 65533), 0);
  EXPECT_NE(RefusalWithState(foreign + "/mine").find("uid 65533"), std::string::npos);

  const std::string link = person_.root() + "/link";
  fs::create_directory_symlink(person_.home(), link);
  ASSERT_EQ(::lchown(link.c_str(), 65533, 65533), 0);
  EXPECT_NE(RefusalWithState(link).find("uid 65533"), std::string::npos);
}

/// A link of the person's own, such as a home that was moved, is fine.
TEST_P(Influence, OfAPersonsOwnLinkAboveTheStateDirectoryIsAccepted) {
  fs::create_directory(person_.root() + "/moved");
  GiveToPerson(person_.root() + "/moved", 0755);
  const std::string link = person_.root() + "/link";
  fs::create_directory_symlink(person_.root() + "/moved", link);
  GiveToPerson(link, 0777);
  EXPECT_EQ(RefusalWithState(link), "");
  EXPECT_TRUE(fs::exists(person_.root() + "/moved/ambit/runs"));
}

/// The state holds other runs' work and journals; it is never a project, nor below one.
TEST_P(Influence, OfTheStateDirectoryAsAProjectIsRefused) {
  ASSERT_EQ(person_.Sh("echo x > made").exit_code, 0);
  const std::string runs = person_.home() + "/.local/state/ambit/runs";
  const std::string run = fs::directory_iterator(runs)->path();
  for (const std::string& dir : {runs, run, run + "/upper/project", person_.home() + "/.local"}) {
    const Finished refused = person_.Ambit({"run", "-q", "-C", dir, "--", "true"});
    EXPECT_EQ(refused.exit_code, 125) << dir;
    EXPECT_NE(refused.err.find("state directory"), std::string::npos) << refused.err;
  }
  // Through a link in a project the same directory is simply not there.
  fs::create_directory_symlink(runs, person_.project() + "/link");
  EXPECT_NE(person_.Sh("ls link/").exit_code, 0);
}

TEST_P(Influence, OfARunOnARunInsideItIsRefusedByName) {
  fs::copy_file(AmbitBinary(), person_.project() + "/ambit");
  ::chmod((person_.project() + "/ambit").c_str(), 0755);
  const Finished run =
      person_.Sh("./ambit run -- /bin/echo started; echo code $?; ls $HOME/.local 2>/dev/null");
  EXPECT_EQ(run.out, "code 125\n") << run.err;
  EXPECT_NE(run.err.find("inside"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace ambit::testing
