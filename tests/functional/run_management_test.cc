// ps, inspect, discard, rm, prune: what becomes of runs after their end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <thread>

#include "support/run_ambit.h"
#include "support/terminal_session.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class RunManagement : public ::testing::TestWithParam<Who> {
 protected:
  RunManagement() { person_.Write("project/file.txt", "host\n"); }

  std::string Runs() const { return person_.home() + "/.local/state/ambit/runs"; }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    if (!fs::exists(Runs())) return ids;
    for (const auto& entry : fs::directory_iterator(Runs())) ids.push_back(entry.path().filename());
    return ids;
  }
  /// Runs a script and returns the id of its run.
  std::string Run(const std::string& script) {
    const std::vector<std::string> before = Ids();
    const Finished run = person_.Sh(script);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    for (const std::string& id : Ids()) {
      if (std::ranges::find(before, id) == before.end()) return id;
    }
    ADD_FAILURE() << "no new run";
    return "r-none0000";
  }
  bool Exists(const std::string& id, const std::string& name = {}) const {
    return fs::exists(fs::path(Runs()) / id / name);
  }
  Finished Ambit(std::vector<std::string> arguments) { return person_.Ambit(std::move(arguments)); }
  void ExpectRefused(const Finished& done, const std::string& named) {
    EXPECT_EQ(done.exit_code, 125) << done.out;
    EXPECT_THAT(done.err, HasSubstr(named));
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, RunManagement, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(RunManagement, PsListsRunsWithTheirStateAndCommand) {
  EXPECT_EQ(Ambit({"ps", "-a"}).exit_code, 0);  // there is none yet
  const std::string good = Run("echo changed > file.txt");
  EXPECT_EQ(person_.Sh("printf '\\033[31m'; exit 3").exit_code, 3);
  EXPECT_THAT(Ambit({"ps"}).out, Not(HasSubstr("r-")));
  const Finished all = Ambit({"ps", "-a"});
  EXPECT_THAT(all.out, AllOf(HasSubstr(good + "  exited 0"), HasSubstr("exited 3"),
                             HasSubstr(person_.project() + "  /bin/sh -c echo changed")));
  EXPECT_THAT(all.out, AllOf(HasSubstr("\\\\033"), Not(HasSubstr("\033"))));
  EXPECT_LT(all.out.find("exited 3"), all.out.find("exited 0")) << "newest first";
  EXPECT_THAT(Ambit({"ps", "-a", "--json"}).out,
              HasSubstr(R"("id":")" + good + R"(","state":"exited 0","alive":false)"));
}

TEST_P(RunManagement, ALiveRunIsListedAndCannotBeTakenAway) {
  const pid_t pid = person_.Start(
      {"run", "-q", "--", "/bin/sh", "-c", "echo work > made; echo up; sleep 60"}, "out");
  for (int i = 0; i < 500 && person_.Read("out") != "up\n"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_EQ(person_.Read("out"), "up\n");
  const std::string id = Ids().at(0);
  EXPECT_THAT(Ambit({"ps"}).out, HasSubstr(id + "  running"));
  EXPECT_THAT(Ambit({"inspect", id, "--json"}).out, HasSubstr(R"("alive":true)"));
  ExpectRefused(Ambit({"discard"}), "still running");
  ExpectRefused(Ambit({"rm", id}), "still running");
  EXPECT_EQ(Ambit({"prune", "--keep", "0", "--yes"}).exit_code, 0);
  EXPECT_EQ(Ambit({"diff", "--name-status"}).out, "A\tmade\n");
  ::kill(pid, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(Ambit({"rm", id}).out, id + "\n");
  EXPECT_FALSE(Exists(id));
}

TEST_P(RunManagement, ASecondTermEndsARunWhoseAgentPaysNoHeed) {
  const pid_t pid = person_.Start({"run", "-q", "--", "/bin/sh", "-c",
                                   "trap 'echo heard' TERM; echo up; "
                                   "while :; do sleep 0.1; done"},
                                  "out");
  const auto shown = [&](const std::string& text) {
    for (int i = 0; i < 500 && person_.Read("out") != text; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_EQ(person_.Read("out"), text);
  };
  shown("up\n");
  ::kill(pid, SIGTERM);
  shown("up\nheard\n");
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, WNOHANG), 0) << "one is the agent's own matter";
  ::kill(pid, SIGTERM);
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 143);
  EXPECT_THAT(Ambit({"ps", "-a"}).out, HasSubstr("signaled 143"));
}

TEST_P(RunManagement, InspectSaysHowARunEnded) {
  const std::string id = Run("echo x > new");
  const Finished text = Ambit({"inspect"});
  EXPECT_THAT(text.out, AllOf(HasSubstr(id), HasSubstr("exited 0"), HasSubstr(person_.project()),
                              HasSubstr("kept, not looked at"), Not(HasSubstr("\napplied "))));
  const Finished json = Ambit({"inspect", id, "--json"});
  EXPECT_THAT(json.out, AllOf(HasSubstr(R"("outcome":{"cause":"exited","exit_code":0})"),
                              HasSubstr(R"("discarded":false,"reviewed":false)"),
                              HasSubstr(Runs() + "/" + id + "/journal.jsonl")));
  const Finished parsed = person_.Execute(
      {"python3", "-c", "import json,sys; print(json.loads(sys.argv[1])['record']['id'])",
       json.out});
  EXPECT_EQ(parsed.out, id + "\n") << parsed.err;
  for (const char* command : {"inspect", "undo", "discard", "rm"}) {
    for (const char* none : {"../../x", "r-00000000", "tpyo"}) {
      const Finished unknown = Ambit({command, none});
      ExpectRefused(unknown, std::string("there is no run '") + none + "'");
      EXPECT_THAT(unknown.err, AllOf(HasSubstr(id), HasSubstr("'ambit ps -a'"))) << command;
    }
  }
}

TEST_P(RunManagement, InspectSaysWhetherItWasApplied) {
  const std::string id = Run("echo x > new");
  ASSERT_EQ(Ambit({"apply", "--yes"}).exit_code, 0);
  EXPECT_THAT(
      Ambit({"inspect", id}).out,
      ::testing::ContainsRegex("\napplied   20.*; 'ambit undo " + id + "' takes it back\n"));
  ASSERT_EQ(Ambit({"undo", id}).exit_code, 0);
  EXPECT_THAT(Ambit({"inspect", id}).out, Not(HasSubstr("\napplied ")));
}

TEST_P(RunManagement, DiscardOfARunThatNobodyNamedIsAskedFirst) {
  const std::string id = Run("echo x > new; rm file.txt");
  const Finished refused = Ambit({"discard"});
  ExpectRefused(refused, "nothing was discarded: the newest run here is " + id);
  EXPECT_THAT(refused.err, HasSubstr("'ambit discard " + id + "'"));
  EXPECT_EQ(Ambit({"diff", id, "--name-status"}).out, "D\tfile.txt\nA\tnew\n");
  {
    TerminalSession terminal(person_, {"discard"});
    EXPECT_THAT(terminal.ShownUntil("[y/N]"),
                AllOf(HasSubstr(id), HasSubstr("2 files (1 added, 1 deleted)")));
    terminal.Type("n\n");
    EXPECT_EQ(terminal.Wait(), 1);
  }
  EXPECT_TRUE(Exists(id, "upper"));
  TerminalSession terminal(person_, {"discard"});
  (void)terminal.ShownUntil("[y/N]");
  terminal.Type("y\n");
  EXPECT_EQ(terminal.Wait(), 0);
  EXPECT_FALSE(Exists(id, "upper"));
}

TEST_P(RunManagement, ANewestRunWithNothingNamesTheOneThatHasWork) {
  const std::string work = Run("echo x > new; rm file.txt");
  const std::string idle = Run("true");
  const std::string hint =
      "run " + idle + " changed nothing that the project has not; run " + work + " of ";
  for (const char* command : {"diff", "apply"}) {
    const Finished told = Ambit({command});
    EXPECT_EQ(told.exit_code, 0);
    EXPECT_EQ(told.out, "");
    EXPECT_THAT(told.err, AllOf(HasSubstr("ambit: run " + idle + " of "), HasSubstr(hint),
                                HasSubstr(" has 2 changes: ambit " + std::string(command) + " " +
                                          work + "\n")));
    EXPECT_THAT(Ambit({command, idle}).err, Not(HasSubstr(work)));  // it was named
  }
  EXPECT_EQ(Ambit({"discard", idle}).exit_code, 0);
  const Finished discarded = Ambit({"diff"});
  EXPECT_EQ(discarded.exit_code, 125);
  EXPECT_THAT(discarded.err, HasSubstr("ambit: run " + work + " of "));
  EXPECT_EQ(Ambit({"discard", work}).exit_code, 0);
  EXPECT_THAT(Ambit({"diff"}).err, Not(HasSubstr(work)));
}

TEST_P(RunManagement, DiscardDropsTheWorkAndKeepsTheRecord) {
  const std::string before = person_.Fingerprint();
  const std::string id = Run("echo x > new; rm file.txt");
  EXPECT_EQ(Ambit({"diff", "--name-status"}).out, "D\tfile.txt\nA\tnew\n");
  EXPECT_EQ(Ambit({"discard", "--yes"}).out, id + "\n");
  for (const char* name : {"upper", "work", "home"}) EXPECT_FALSE(Exists(id, name)) << name;
  for (const char* name : {"meta.json", "plan.json", "journal.jsonl"}) {
    EXPECT_TRUE(Exists(id, name)) << name;
  }
  ExpectRefused(Ambit({"diff"}), "was discarded");
  EXPECT_THAT(Ambit({"ps", "-a"}).out, HasSubstr("exited 0, discarded"));
  EXPECT_THAT(Ambit({"inspect"}).out, HasSubstr("work      discarded"));
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(RunManagement, AHostileTreeIsTakenAwayWithoutTouchingTheHost) {
  person_.Write("outside/file", "mine\n");
  const std::string before = person_.Fingerprint(person_.root() + "/outside");
  const std::string id =
      Run("mkdir -p locked/a/b && echo x > locked/a/b/f && chmod 000 locked/a/b locked/a locked; "
          "ln -s " +
          person_.root() +
          "/outside out; ln -s / root; ln -s self self; mkfifo fifo; "
          "printf x > 'na\nme'; mkdir $(printf '\\377dir'); rm file.txt; mkdir file.txt; "
          "chmod 000 file.txt; mkdir -p ~/x && chmod 000 ~/x; "
          "python3 -c 'import os\n"
          "for i in range(3000): os.mkdir(\"d\"); open(\"f\", \"w\").close(); os.chdir(\"d\")'; "
          "mkdir many && cd many && seq 5000 | xargs touch");
  ASSERT_TRUE(Exists(id, "upper/project/d/d/d"));
  const Finished gone = person_.Ambit({"rm", id}, {}, {}, std::chrono::seconds(120));
  EXPECT_EQ(gone.exit_code, 0) << gone.err;
  EXPECT_EQ(gone.out, id + "\n");
  EXPECT_TRUE(Ids().empty());
  EXPECT_EQ(person_.Fingerprint(person_.root() + "/outside"), before);
  EXPECT_EQ(person_.Read("project/file.txt"), "host\n");
}

TEST_P(RunManagement, RmTakesSeveralAndNamesWhatItCannotTake) {
  const std::string first = Run("echo 1 > a");
  const std::string second = Run("echo 2 > a");
  const Finished done = Ambit({"rm", first, "r-00000000", second});
  EXPECT_EQ(done.exit_code, 125);
  EXPECT_EQ(done.out, first + "\n" + second + "\n");
  EXPECT_THAT(done.err, HasSubstr("r-00000000"));
  EXPECT_TRUE(Ids().empty());
  ExpectRefused(Ambit({"rm"}), "required");
}

TEST_P(RunManagement, PruneKeepsWorkThatNobodyLookedAt) {
  const std::string unseen = Run("echo 1 > a");
  const std::string seen = Run("echo 2 > a");
  const std::string idle = Run("true");
  ASSERT_EQ(Ambit({"diff", seen}).exit_code, 0);

  const Finished dry = Ambit({"prune", "--keep", "0", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_THAT(dry.out, AllOf(HasSubstr(unseen), HasSubstr(seen), HasSubstr(idle),
                             HasSubstr("not looked at")));
  EXPECT_EQ(Ids().size(), 3U);

  ExpectRefused(Ambit({"prune", "--keep", "0"}), "1 run with work");
  EXPECT_EQ(Ids().size(), 3U);

  EXPECT_EQ(Ambit({"prune", "--keep", "2"}).exit_code, 125) << "the oldest is the unseen one";
  EXPECT_EQ(Ambit({"diff", unseen}).exit_code, 0);
  EXPECT_EQ(Ambit({"prune", "--keep", "2"}).exit_code, 0);
  EXPECT_FALSE(Exists(unseen));
  EXPECT_TRUE(Exists(seen) && Exists(idle));

  const std::string last = Run("echo 3 > a");
  EXPECT_EQ(Ambit({"prune", "--keep", "0", "--yes"}).exit_code, 0);
  EXPECT_FALSE(Exists(last));
  EXPECT_TRUE(Ids().empty());
}

TEST_P(RunManagement, PruneGoesByAgeAndBySize) {
  const std::string large = Run("head -c 3000000 /dev/urandom > a");
  const std::string small = Run("echo 2 > a");
  EXPECT_EQ(Ambit({"prune", "--yes"}).exit_code, 0) << "nothing is that old";
  EXPECT_EQ(Ambit({"prune", "--older-than", "1", "--yes"}).exit_code, 0);
  EXPECT_EQ(Ids().size(), 2U);
  EXPECT_EQ(Ambit({"prune", "--max-size", "100MiB", "--yes"}).exit_code, 0);
  EXPECT_EQ(Ids().size(), 2U);
  EXPECT_EQ(Ambit({"prune", "--max-size", "2MiB", "--yes"}).exit_code, 0);
  EXPECT_FALSE(Exists(large));
  EXPECT_TRUE(Exists(small));
  // As if it had ended two days ago.
  ASSERT_EQ(person_
                .Execute({"python3", "-c",
                          "import json,sys; p=sys.argv[1]; m=json.load(open(p)); "
                          "m['finished_ns']-=2*86400*10**9; json.dump(m,open(p,'w'))",
                          Runs() + "/" + small + "/meta.json"})
                .exit_code,
            0);
  EXPECT_EQ(Ambit({"prune", "--older-than", "3", "--yes"}).exit_code, 0);
  EXPECT_TRUE(Exists(small));
  EXPECT_EQ(Ambit({"prune", "--older-than", "1", "--yes"}).exit_code, 0);
  EXPECT_FALSE(Exists(small));
  ExpectRefused(Ambit({"prune", "--older-than", "-1"}), "--older-than");
  ExpectRefused(Ambit({"prune", "--max-size", "many"}), "--max-size");
}

TEST_P(RunManagement, ABrokenRunIsListedAndCanBeRemoved) {
  const std::string id = Run("echo 1 > a");
  fs::remove(fs::path(Runs()) / id / "meta.json");
  EXPECT_THAT(Ambit({"ps", "-a"}).out, HasSubstr(id + "  broken"));
  ExpectRefused(Ambit({"rm", id}), "no record yet");
}

TEST_P(RunManagement, WhatAnUndoCouldNotPutBackIsDroppedOnlyWhenSomebodySaysSo) {
  const std::string id = Run("echo agent > file.txt");
  ASSERT_EQ(Ambit({"apply", "--yes"}).exit_code, 0);
  person_.Write("project/file.txt", "changed again\n");
  ASSERT_EQ(Ambit({"undo"}).exit_code, 1);
  const std::string place = Runs() + "/" + id + "/applied/0001/old";
  ExpectRefused(Ambit({"rm", id}), place);
  const Finished pruned = Ambit({"prune", "--keep", "0", "--yes"});
  EXPECT_EQ(pruned.exit_code, 0) << pruned.err;
  EXPECT_THAT(pruned.err, AllOf(HasSubstr(id + " stays"), HasSubstr(place)));
  EXPECT_EQ(person_.Execute({"sh", "-c", "cat " + place + "/*"}).out, "host\n");
  EXPECT_EQ(Ambit({"rm", "--force", id}).out, id + "\n");
  EXPECT_FALSE(Exists(id));
}

}  // namespace
}  // namespace ambit::testing
