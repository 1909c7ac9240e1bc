// ambit apply and ambit undo on a host that did not stand still, or is not as usual.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class ApplyHost : public ApplyTest {};
INSTANTIATE_TEST_SUITE_P(As, ApplyHost, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ApplyHost, WhatTheHostChangedMeanwhileStays) {
  for (const char* name : {"edited", "deleted", "agent-deleted", "same", "untouched"}) {
    person_.Write(std::string("project/") + name, "start\n");
  }
  person_.Write("project/dir/old", "start\n");
  Run("for f in edited deleted same untouched; do echo agent >> $f; done; rm agent-deleted; "
      "echo agent > made; rm -r dir");
  ASSERT_EQ(Host("echo host >> edited; rm deleted; echo host >> agent-deleted; echo agent >> same; "
                 "echo host > made; echo host > dir/new")
                .exit_code,
            0);
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out;
  EXPECT_EQ(applied.out,
            "conflict agent-deleted: the host changed it meanwhile\n"
            "conflict deleted: the host deleted or renamed it meanwhile\n"
            "conflict dir/: something in it stays\n"
            "conflict dir/new: the host changed it meanwhile\n"
            "D dir/old\n"
            "conflict edited: the host changed it meanwhile\n"
            "conflict made: the host changed it meanwhile\n"
            "M untouched\n");
  EXPECT_EQ(
      Host("cat edited agent-deleted same made dir/new; ls deleted 2>&1 | grep -c cannot").out,
      "start\nhost\nstart\nhost\nstart\nagent\nhost\nhost\n1\n");
  EXPECT_EQ(person_.Read("project/untouched"), "start\nagent\n");
}

TEST_P(ApplyHost, UndoLeavesWhatTheHostChangedSince) {
  person_.Write("project/a", "start\n");
  person_.Write("project/b", "start\n");
  Run("echo agent >> a; echo agent >> b; mkdir d; echo agent > d/x; echo agent > y");
  ASSERT_EQ(ApplyYes().exit_code, 0);
  ASSERT_EQ(Host("echo host >> a; echo host > d/mine; echo host >> y").exit_code, 0);
  const Finished undone = person_.Ambit({"undo"});
  EXPECT_EQ(undone.exit_code, 1) << undone.out;
  EXPECT_EQ(Host("cat a b y; find d -type f").out,
            "start\nagent\nhost\nstart\nagent\nhost\nd/mine\n");
  EXPECT_THAT(undone.out, AllOf(HasSubstr("conflict a: "), HasSubstr("M b\n"),
                                HasSubstr("conflict d/: "), HasSubstr("conflict y: ")));
  // The version before the apply is not lost either.
  EXPECT_THAT(undone.err, ContainsRegex("is kept in '.*/old'"));
}

TEST_P(ApplyHost, AProjectThatIsNotTheRunsIsRefused) {
  Run("echo x > new");
  ASSERT_EQ(Host("cd .. && mv project moved && mkdir project elsewhere").exit_code, 0);
  const Finished other = ApplyYes();
  EXPECT_EQ(other.exit_code, 125);
  EXPECT_THAT(other.err, HasSubstr("another directory"));
  ASSERT_EQ(Host("cd .. && rmdir project && ln -s moved project").exit_code, 0);
  const std::string run = person_.Execute({"sh", "-c", "ls ~/.local/state/ambit/runs"}).out;
  const Finished link = person_.Ambit({"apply", "--yes", run.substr(0, 10)}, person_.home());
  EXPECT_EQ(link.exit_code, 125) << link.out;
  EXPECT_FALSE(person_.Exists("moved/new"));
  EXPECT_FALSE(person_.Exists("elsewhere/new"));
  ASSERT_EQ(Host("cd .. && rm project && mv moved project").exit_code, 0);
  EXPECT_EQ(ApplyYes().exit_code, 0);  // the control
  EXPECT_TRUE(person_.Exists("project/new"));
}

TEST_P(ApplyHost, AKilledApplyIsTakenBackOrFinishedByTheNext) {
  Run("mkdir many; i=0; while [ $i -lt 800 ]; do echo $i > many/$i; i=$((i+1)); done");
  const std::string before = Tree();
  for (const int delay_us : {1000, 5000, 10000, 20000, 40000, 80000}) {
    const pid_t pid = person_.Start({"apply", "--yes"}, "output");
    ::usleep(static_cast<useconds_t>(delay_us));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    const Finished undone = person_.Ambit({"undo"});
    EXPECT_TRUE(undone.exit_code == 0 || undone.exit_code == 125) << undone.err;
    EXPECT_EQ(Tree(), before) << delay_us;
  }
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_EQ(Host("ls many | wc -l").out, "800\n");
}

TEST_P(ApplyHost, TheStateMayLieOnAnotherFileSystem) {
  const std::string state =
      "/dev/shm/ambit-test-" + NameOf(GetParam()) + std::to_string(::getpid());
  ASSERT_EQ(Host("mkdir -m 700 " + state).exit_code, 0);
  const std::map<std::string, std::string> there = {{"XDG_STATE_HOME", state}};
  person_.Write("project/edit", "old\n", 0640);
  person_.Write("project/gone", "gone\n");
  ASSERT_EQ(Host("ln -s edit link").exit_code, 0);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "/bin/sh", "-c", "echo new >> edit; rm gone link; echo made > made"}, {},
      there);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Finished applied = person_.Ambit({"apply", "--yes"}, {}, there);
  EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
  EXPECT_EQ(Host("cat edit made; ls -A").out, "old\nnew\nmade\nedit\nmade\n");
  const Finished undone = person_.Ambit({"undo"}, {}, there);
  EXPECT_EQ(undone.exit_code, 0) << undone.out << undone.err;
  EXPECT_EQ(Host("cat edit gone; readlink link; ls -A; stat -c %a edit").out,
            "old\ngone\nedit\nedit\ngone\nlink\n640\n");
  (void)person_.Execute({"chmod", "-R", "u+rwX", state}, "/");
  (void)person_.Execute({"rm", "-rf", state}, "/");
}

TEST_P(ApplyHost, ASecondApplyAtTheSameTimeIsKeptOut) {
  Run("echo x > new");
  const Finished other = person_.Execute({"sh", "-c", "flock . " + AmbitBinary() + " apply --yes"});
  EXPECT_EQ(other.exit_code, 125);
  EXPECT_THAT(other.err, HasSubstr("locked"));
  EXPECT_EQ(ApplyYes().exit_code, 0);
}

TEST_P(ApplyHost, ADirectoryOfThatNameThatIsNotOursIsNotTouched) {
  Run("echo x > new; mkdir .ambit-apply-r-aaaaaaaa; echo y > .ambit-apply-r-aaaaaaaa/0");
  EXPECT_THAT(ApplyYes().out, HasSubstr("refused .ambit-apply-r-aaaaaaaa/: "));
  ASSERT_EQ(Host("mkdir .ambit-apply-r-bbbbbbbb; echo mine > .ambit-apply-r-bbbbbbbb/0").exit_code,
            0);
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 125);
  EXPECT_THAT(applied.err, HasSubstr("nobody remembers"));
  EXPECT_EQ(person_.Read("project/.ambit-apply-r-bbbbbbbb/0"), "mine\n");
}

TEST_P(ApplyHost, WhatCannotBeReadStaysWhereUndoCouldOnlyKeepACopy) {
  const std::string state =
      "/dev/shm/ambit-test-" + NameOf(GetParam()) + std::to_string(::getpid());
  ASSERT_EQ(Host("mkdir -m 700 " + state).exit_code, 0);
  const std::map<std::string, std::string> there = {{"XDG_STATE_HOME", state}};
  person_.Write("project/edit", "old\n");
  person_.Write("project/closed", "closed\n", 0000);
  person_.Write("project/write-only", "closed\n", 0200);
  const Finished run = person_.Ambit(
      {"run", "-q", "--", "/bin/sh", "-c", "echo new > edit; rm -f closed write-only"}, {}, there);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const Finished applied = person_.Ambit({"apply", "--yes"}, {}, there);
  if (GetParam() == Who::kRoot) {  // who reads everything
    EXPECT_EQ(applied.out, "D closed\nM edit\nD write-only\n") << applied.err;
  } else {
    EXPECT_EQ(applied.exit_code, 1) << applied.err;
    EXPECT_EQ(applied.out,
              "conflict closed: it cannot be read, so undo could not keep it\nM edit\n"
              "conflict write-only: it cannot be read, so undo could not keep it\n");
    EXPECT_EQ(Host("stat -c '%n %a %s' closed write-only").out, "closed 0 7\nwrite-only 200 7\n");
  }
  EXPECT_EQ(person_.Read("project/edit"), "new\n");
  EXPECT_EQ(Host("ls -A | grep ambit").out, "");
  const Finished undone = person_.Ambit({"undo"}, {}, there);
  EXPECT_EQ(undone.exit_code, 0) << undone.out << undone.err;
  EXPECT_EQ(person_.Read("project/edit"), "old\n");
  EXPECT_EQ(Host("stat -c '%n %a %s' closed write-only").out, "closed 0 7\nwrite-only 200 7\n");
  (void)person_.Execute({"chmod", "-R", "u+rwX", state}, "/");
  (void)person_.Execute({"rm", "-rf", state}, "/");
}

TEST_P(ApplyHost, AClockThatWasSetBackHidesNoEdit) {
  person_.Write("project/edited", "start\n");
  Run("echo agent >> edited; echo agent > new");
  ASSERT_EQ(Host("echo host >> edited").exit_code, 0);
  // As if the run had begun when the clock was an hour ahead: then the host's edit looks older.
  const auto begun_ahead = [&](const std::string& stamp) {
    const std::string script =
        "import json,glob,time; p=glob.glob('" + person_.home() +
        "/.local/state/ambit/runs/*/meta.json')[0]; m=json.load(open(p)); h=3600*10**9\n"
        "for l in m['layers']: l['stamp_ns']=" +
        stamp + "\nm['clock_offset_ns']+=h; json.dump(m,open(p,'w'))";
    ASSERT_EQ(person_.Execute({"python3", "-c", script}).exit_code, 0);
  };
  begun_ahead("time.time_ns()+h");  // and still is behind that
  const Finished behind = ApplyYes({"--dry-run"});
  EXPECT_THAT(behind.err, HasSubstr("the clock was set back"));
  EXPECT_EQ(behind.out, "conflict edited: the host changed it meanwhile\nA new\n");
  begun_ahead("time.time_ns()");  // and has just passed it
  const Finished passed = ApplyYes();
  EXPECT_THAT(passed.err, HasSubstr("the clock was set back"));
  EXPECT_EQ(passed.out, "conflict edited: the host changed it meanwhile\nA new\n");
  EXPECT_EQ(person_.Read("project/edited"), "start\nhost\n");
}

}  // namespace
}  // namespace ambit::testing
