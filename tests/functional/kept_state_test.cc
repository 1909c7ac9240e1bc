// [fs] keep: directories of the home that the next run of the same project finds again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class KeptState : public ::testing::TestWithParam<Who> {
 protected:
  Finished Run(const std::string& script, std::vector<std::string> flags = {},
               const std::string& project = {}) const {
    std::vector<std::string> argv = {AMBIT_RUN_WITH_POLICY, "--from", "x.toml:1:1: fs.keep"};
    if (flags.empty()) flags = {"--keep", Place()};
    argv.insert(argv.end(), flags.begin(), flags.end());
    for (const char* word : {"--", "/bin/sh", "-c"}) argv.emplace_back(word);
    argv.push_back(script);
    return person_.Execute(std::move(argv), project);
  }
  std::string Place() const { return person_.home() + "/.agent/history"; }
  std::string Root() const { return person_.home() + "/.local/state/ambit/keep"; }

  /// The one kept directory there is.
  std::string Kept() const {
    std::vector<std::string> found;
    for (const auto& project : fs::directory_iterator(Root())) {
      for (const auto& place : fs::directory_iterator(project)) found.push_back(place.path());
    }
    EXPECT_EQ(found.size(), 1U);
    return found.empty() ? "" : found[0];
  }

  static struct stat StatOf(const std::string& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, KeptState, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(KeptState, IsThereAgainInTheNextRunAndTheRestOfTheHomeIsNot) {
  const Finished first = Run("echo one > ~/.agent/history/a; echo no > ~/.agent/b; ls -A ~");
  EXPECT_EQ(first.out, ".agent\n") << first.err;
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const Finished second =
      Run("cat ~/.agent/history/a; ls -A ~/.agent; echo two >> ~/.agent/history/a && "
          "mkdir ~/.agent/history/d && mv ~/.agent/history/a ~/.agent/history/d/ && "
          "stat -c %U ~/.agent/history ~/.agent/history/d/a; id -un");
  EXPECT_THAT(second.out, ::testing::MatchesRegex("one\nhistory\n([a-z-]+)\n[a-z-]+\n[a-z-]+\n"))
      << second.err;
  const Finished third = Run("cat ~/.agent/history/d/a; cd ~/.agent/history && pwd");
  EXPECT_EQ(third.out, "one\ntwo\n" + Place() + "\n") << third.err;
  // The host's own home has none of it.
  EXPECT_FALSE(person_.Exists("home/.agent"));
}

TEST_P(KeptState, TheHostsOwnDirectoryAtThatPlaceIsNotSeen) {
  person_.Write("home/.agent/history/secret", "mine\n");
  const Finished run = Run("ls -A ~/.agent/history; echo x > ~/.agent/history/secret");
  EXPECT_EQ(run.out, "") << run.err;
  EXPECT_EQ(person_.Read("home/.agent/history/secret"), "mine\n");
}

TEST_P(KeptState, AnotherProjectHasItsOwn) {
  person_.Write("other/file", "x\n");
  ASSERT_EQ(Run("echo one > ~/.agent/history/a").exit_code, 0);
  const Finished other = Run("ls -A ~/.agent/history", {}, person_.root() + "/other");
  EXPECT_EQ(other.exit_code, 0) << other.err;
  EXPECT_EQ(other.out, "");
  // A run that keeps nothing sees nothing.
  EXPECT_EQ(person_.Sh("ls -A ~").out, "");
}

TEST_P(KeptState, IsThePersonsAloneAndSaysWhatItIs) {
  ASSERT_EQ(Run("umask 0; echo x > ~/.agent/history/a; chmod 777 ~/.agent/history").exit_code, 0);
  const std::string kept = Kept();
  for (const std::string& dir : {Root(), fs::path(kept).parent_path().string(), kept}) {
    EXPECT_EQ(StatOf(dir).st_mode & 07777, 0700U) << dir;
    EXPECT_EQ(StatOf(dir).st_uid, StatOf(person_.home()).st_uid);
  }
  // What the agent made belongs to whom the project belongs to.
  EXPECT_EQ(StatOf(kept + "/content/a").st_uid, StatOf(person_.project()).st_uid);
  EXPECT_EQ(person_.Execute({"cat", kept + "/about"}).out,
            "project " + person_.project() + "\nplace ~/.agent/history\n");
}

TEST_P(KeptState, BelongsToTheProjectsOwnerOnDisk) {
  if (GetParam() != Who::kRoot) return;  // a person's projects are their own
  ASSERT_EQ(person_.Execute({"chown", "-R", "4711:4711", person_.project()}).exit_code, 0);
  const Finished run = Run("touch ~/.agent/history/a && stat -c %u ~/.agent/history/a; id -u");
  EXPECT_EQ(run.out, "1000\n1000\n") << run.err;
  EXPECT_EQ(StatOf(Kept() + "/content/a").st_uid, 4711U);
  ASSERT_EQ(person_.Execute({"chown", "-R", "4712:4712", person_.project()}).exit_code, 0);
  const Finished moved = Run("true");
  EXPECT_EQ(moved.exit_code, 125);
  EXPECT_THAT(moved.err, AllOf(HasSubstr("belongs to uid 4711"), HasSubstr("chown")));
}

TEST_P(KeptState, NoFileThereGetsASetIdBit) {
  const Finished run = Run(
      "cd ~/.agent/history && cp /bin/true . && chmod 4755 true; chmod u+s true; chmod g+s true; "
      "stat -c %a true");
  EXPECT_EQ(run.out, "755\n") << run.err;
  EXPECT_THAT(run.err, HasSubstr("Operation not permitted"));
  // The control: where nothing outlives the run the bit is only ignored.
  EXPECT_EQ(person_.Sh("cd ~ && cp /bin/true . && chmod 4755 true && stat -c %a true").out,
            "4755\n");
}

TEST_P(KeptState, WhatAnEarlierRunLeftLeadsNowhere) {
  ASSERT_EQ(Run("cd ~/.agent/history && ln -s / root && ln -s ../../../../../.. up && "
                "mkfifo pipe && ln -s about ../about; true")
                .exit_code,
            0);
  const Finished next =
      Run("cd ~/.agent/history && ls -A | sort | tr '\\n' ' ' && ls up/" + person_.home() +
          "/.local root" + person_.home() + "/.local; ls -A ../..; touch ../about ../../about");
  EXPECT_THAT(next.out, HasSubstr("pipe root up")) << next.err;
  EXPECT_THAT(next.err, HasSubstr("No such file"));
  EXPECT_EQ(person_.Execute({"cat", Kept() + "/about"}).out,
            "project " + person_.project() + "\nplace ~/.agent/history\n");
}

TEST_P(KeptState, AnEarlierRunCannotKeepTheNextOneOut) {
  ASSERT_EQ(Run("touch ~/.agent/history/a; chmod 0 ~/.agent/history").exit_code, 0);
  const Finished next = Run("chmod 700 ~/.agent/history && ls ~/.agent/history");
  EXPECT_EQ(next.out, "a\n") << next.err;
}

TEST_P(KeptState, ALinkInPlaceOfADirectoryOfAmbitsIsRefused) {
  ASSERT_EQ(Run("true").exit_code, 0);
  const std::string kept = Kept();
  person_.Write("elsewhere/file", "mine\n");
  const std::string elsewhere = person_.root() + "/elsewhere";
  for (const std::string& place :
       {kept + "/content", kept, fs::path(kept).parent_path().string()}) {
    fs::rename(place, place + ".aside");
    fs::create_directory_symlink(elsewhere, place);
    const Finished run = Run("ls ~/.agent/history");
    fs::remove(place);
    fs::rename(place + ".aside", place);
    EXPECT_EQ(run.exit_code, 125) << place << run.out;
    EXPECT_THAT(run.err, AllOf(HasSubstr("keep '~/.agent/history'"), HasSubstr("symbolic links")));
  }
  EXPECT_EQ(person_.Read("elsewhere/file"), "mine\n");
  EXPECT_EQ(Run("true").exit_code, 0);  // the control: as it was
}

TEST_P(KeptState, OneThatIsAnotherPlacesByItsRecordIsRefused) {
  ASSERT_EQ(Run("true").exit_code, 0);
  const std::string about = Kept() + "/about";
  ASSERT_EQ(person_.Execute({"sh", "-c", "echo 'project /x' > " + about}).exit_code, 0);
  const Finished run = Run("true");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err, HasSubstr("project /x"));
}

TEST_P(KeptState, OneThatOthersCanWriteIsRefused) {
  ASSERT_EQ(Run("true").exit_code, 0);
  fs::permissions(Kept(), fs::perms::others_write, fs::perm_options::add);
  const Finished run = Run("true");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_THAT(run.err, HasSubstr("others own it or can write it"));
}

TEST_P(KeptState, IsMadeAnewWhenItWasRemoved) {
  ASSERT_EQ(Run("echo x > ~/.agent/history/a").exit_code, 0);
  fs::remove_all(Kept() + "/content");
  EXPECT_EQ(Run("ls -A ~/.agent/history").exit_code, 0);
  fs::remove_all(Root());
  const Finished run = Run("ls -A ~/.agent/history; touch ~/.agent/history/b");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "");
}

TEST_P(KeptState, ARunOutlivesItsRemovalAndLosesOnlyThat) {
  const pid_t run = [&] {
    person_.Write("project/script",
                  "touch ~/.agent/history/a; touch started\n"
                  "while [ ! -e go ]; do sleep 0.05; done\n"
                  "touch ~/.agent/history/b 2>/dev/null && echo wrote; echo end\n");
    const pid_t pid = ::fork();
    if (pid == 0) {
      const Finished done = Run("sh script", {"--project", "rw", "--keep", Place()});
      ::_exit(done.exit_code == 0 && done.out == "end\n" ? 0 : 1);
    }
    return pid;
  }();
  for (int i = 0; i < 200 && !person_.Exists("project/started"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(person_.Exists("project/started"));
  fs::remove_all(Root());
  person_.Write("project/go", "");
  int status = -1;
  ASSERT_EQ(::waitpid(run, &status, 0), run);
  EXPECT_EQ(status, 0);
}

TEST_P(KeptState, TwoRunsAtOnceShareIt) {
  const pid_t other = ::fork();
  if (other == 0) {
    const Finished done =
        Run("echo hello > ~/.agent/history/from-one; while [ ! -e ~/.agent/history/from-two ]; do "
            "sleep 0.05; done");
    ::_exit(done.exit_code == 0 ? 0 : 1);
  }
  const Finished here =
      Run("while [ ! -e ~/.agent/history/from-one ]; do sleep 0.05; done; cat "
          "~/.agent/history/from-one; touch ~/.agent/history/from-two");
  EXPECT_EQ(here.out, "hello\n") << here.err;
  int status = -1;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
}

TEST_P(KeptState, StaysWhenRunsAreRemoved) {
  ASSERT_EQ(Run("echo x > ~/.agent/history/a").exit_code, 0);
  const Finished id = person_.Execute({"sh", "-c", "ls ~/.local/state/ambit/runs"});
  const std::string run = id.out.substr(0, id.out.find('\n'));
  EXPECT_EQ(person_.Ambit({"rm", run}).exit_code, 0);
  EXPECT_EQ(person_.Execute({"sh", "-c", "ls ~/.local/state/ambit/runs"}).out, "");
  EXPECT_EQ(Run("cat ~/.agent/history/a").out, "x\n");
}

TEST_P(KeptState, IsListedAndRemovedByProject) {
  EXPECT_EQ(person_.Ambit({"keep", "list", "--json"}).out, "[]\n");
  person_.Write("other/file", "x\n");
  const std::string more = person_.home() + "/.agent/more";
  ASSERT_EQ(Run("mkdir -p ~/.agent/history/a/b; touch ~/.agent/history/a/b/c; chmod 0 "
                "~/.agent/history/a ~/.agent/history; touch ~/.agent/more/x",
                {"--keep", Place(), "--keep", more})
                .exit_code,
            0);
  ASSERT_EQ(Run("true", {}, person_.root() + "/other").exit_code, 0);
  const Finished list = person_.Ambit({"keep", "list"});
  EXPECT_THAT(list.out, AllOf(HasSubstr(person_.root() + "/other  ~/.agent/history  " + Root()),
                              HasSubstr(person_.project() + "  ~/.agent/history  " + Root()),
                              HasSubstr(person_.project() + "  ~/.agent/more  " + Root())));
  EXPECT_EQ(person_.Ambit({"keep", "rm", ".", person_.home() + "/.agent/more/"}).out,
            person_.project() + "  ~/.agent/more\n");
  EXPECT_EQ(Run("ls -A ~/.agent/more", {"--keep", more}).out, "");
  const Finished removed = person_.Ambit({"keep", "rm", person_.project()});
  EXPECT_EQ(removed.exit_code, 0) << removed.err;
  EXPECT_THAT(person_.Ambit({"keep", "list"}).out, ::testing::Not(HasSubstr(person_.project())));
  EXPECT_THAT(person_.Ambit({"keep", "list"}).out, HasSubstr("/other"));
  EXPECT_EQ(std::distance(fs::directory_iterator(Root()), fs::directory_iterator()), 1);
  const Finished nothing = person_.Ambit({"keep", "rm", person_.project()});
  EXPECT_EQ(nothing.exit_code, 125);
  EXPECT_THAT(nothing.err, HasSubstr("nothing like that is kept"));
}

TEST_P(KeptState, IsNotRemovedUnderARun) {
  const pid_t run = ::fork();
  if (run == 0) {
    const Finished done = Run(
        "touch ~/.agent/history/started; while [ ! -e ~/.agent/history/go ]; do sleep 0.05; done");
    ::_exit(done.exit_code == 0 ? 0 : 1);
  }
  const auto started = [&] {
    return person_.Execute({"sh", "-c", "ls " + Root() + "/*/*/content/started"}).exit_code == 0;
  };
  for (int i = 0; i < 200 && !started(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(started());
  const Finished refused = person_.Ambit({"keep", "rm", "."});
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_THAT(refused.err, HasSubstr("is running"));
  EXPECT_EQ(person_.Execute({"touch", Kept() + "/content/go"}).exit_code, 0);
  int status = -1;
  ASSERT_EQ(::waitpid(run, &status, 0), run);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(person_.Ambit({"keep", "rm", "."}).exit_code, 0);
}

TEST_P(KeptState, APlaceThatCannotBeIsNamed) {
  const auto expect_refused = [&](std::vector<std::string> flags, const std::string& named) {
    const Finished run = Run("true", std::move(flags));
    EXPECT_EQ(run.exit_code, 125) << named;
    EXPECT_THAT(run.err, HasSubstr(named));
  };
  expect_refused({"--keep", person_.home()}, "x.toml:1:1: fs.keep '" + person_.home() + "'");
  expect_refused({"--keep", person_.root()}, "not below the home");
  expect_refused({"--keep", person_.home() + "/../x"}, "without . and ..");
  expect_refused({"--keep", person_.home() + "/.agent.json"}, "a single file cannot be kept");
  person_.Write("home/tools/x", "x\n");
  expect_refused({"--keep", person_.home() + "/tools/x"}, "only directories can be kept");
  expect_refused({"--keep", person_.home() + "/tools/x/y", "--ro", person_.home() + "/tools"},
                 "neither may lie in the other");
  expect_refused({"--keep", person_.home() + "/tools", "--cow", person_.home() + "/tools"},
                 "neither may lie in the other");
}

TEST_P(KeptState, AHomeThatIsSpelledThroughALinkIsTheSame) {
  fs::create_directory_symlink(person_.home(), person_.root() + "/alias");
  const std::string alias = person_.root() + "/alias";
  const Finished run = person_.Execute({AMBIT_RUN_WITH_POLICY, "--keep", alias + "/.agent/history",
                                        "--", "/bin/sh", "-c", "touch ~/.agent/history/a; ls ~"},
                                       {}, {{"HOME", alias}});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Run("ls ~/.agent/history").out, "a\n");
}

}  // namespace
}  // namespace ambit::testing
