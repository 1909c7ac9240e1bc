// ambit apply and ambit undo: what a run left, brought to the host by the real binary.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Apply : public ::testing::TestWithParam<Who> {
 protected:
  std::string Project(const std::string& path) const { return person_.project() + "/" + path; }
  void Run(const std::string& script) {
    const Finished run = person_.Sh("set -e; " + script);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  Finished ApplyYes(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"apply", "--yes"});
    return person_.Ambit(more, {}, {}, std::chrono::seconds(120));
  }
  Finished Host(const std::string& script) { return person_.Execute({"sh", "-c", script}); }
  mode_t ModeOf(const std::string& path) const {
    struct stat info{};
    return ::lstat(Project(path).c_str(), &info) == 0 ? info.st_mode : 0;
  }
  /// Names, types, permissions, owners and contents, but no times.
  std::string Tree() const {
    return person_
        .Execute({"sh", "-c",
                  "find . -path ./.git -prune -o -printf '%p %y %m %U:%G %l\\n' | LC_ALL=C sort; "
                  "find . -path ./.git -prune -o -type f -size -1000k -exec sha1sum {} + | "
                  "LC_ALL=C sort"})
        .out;
  }
  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Apply, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Apply, AnOrdinaryDaysWorkArrivesAndGoesBack) {
  person_.Write("project/edit.txt", "one\n");
  person_.Write("project/gone.txt", "gone\n");
  person_.Write("project/dir/sub/file.txt", "in a directory\n");
  person_.Write("project/dir/other.txt", "other\n");
  person_.Write("project/tool.sh", "#!/bin/sh\n", 0644);
  person_.MakeGitProject();
  const std::string before = Tree();
  Run("echo two >> edit.txt; rm gone.txt; mkdir new; echo new > new/file.txt; mv dir moved; "
      "chmod 755 tool.sh; ln -s edit.txt link");
  EXPECT_EQ(Tree(), before);  // the control: nothing came by itself
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
  EXPECT_EQ(applied.out,
            "D dir/\nD dir/other.txt\nD dir/sub/\nD dir/sub/file.txt\nM edit.txt\nD gone.txt\n"
            "A link\nA moved/\nA moved/other.txt\nA moved/sub/\nA moved/sub/file.txt\nA new/\n"
            "A new/file.txt\nM tool.sh\n");
  EXPECT_EQ(person_.Read("project/edit.txt"), "one\ntwo\n");
  EXPECT_EQ(person_.Read("project/new/file.txt"), "new\n");
  EXPECT_EQ(person_.Read("project/moved/sub/file.txt"), "in a directory\n");
  EXPECT_EQ(ModeOf("tool.sh") & 07777U, 0755U);
  EXPECT_FALSE(person_.Exists("project/gone.txt"));
  EXPECT_FALSE(person_.Exists("project/dir"));
  EXPECT_EQ(Host("readlink link").out, "edit.txt\n");
  EXPECT_EQ(Host("find . -name '.ambit*'; find . ! -user $(stat -c %u .)").out, "");
  const Finished undone = person_.Ambit({"undo"});
  EXPECT_EQ(undone.exit_code, 0) << undone.out << undone.err;
  EXPECT_EQ(Tree(), before);
  const Finished nothing = person_.Ambit({"undo"});
  EXPECT_EQ(nothing.exit_code, 125);
  EXPECT_THAT(nothing.err, HasSubstr("nothing was applied"));
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_EQ(person_.Read("project/edit.txt"), "one\ntwo\n");
}

TEST_P(Apply, NothingHappensWithoutATerminalOrAYes) {
  Run("echo new > new.txt");
  const std::string before = person_.Fingerprint();
  const Finished asked = person_.Ambit({"apply"});
  EXPECT_EQ(asked.exit_code, 1);
  EXPECT_EQ(asked.out, "A new.txt\n");
  EXPECT_THAT(asked.err, HasSubstr("--yes"));
  const Finished dry = person_.Ambit({"apply", "--dry-run", "--yes"});
  EXPECT_EQ(dry.exit_code, 0);
  EXPECT_EQ(dry.out, "A new.txt\n");
  EXPECT_EQ(person_.Fingerprint(), before);
}

TEST_P(Apply, OnlyWhatIsNamedComes) {
  person_.Write("project/a/one.txt", "1\n");
  person_.Write("project/b/two.txt", "2\n");
  Run("echo x >> a/one.txt; echo x >> b/two.txt; mkdir -p c/d; echo x > c/d/e; echo x > c/f");
  const Finished some = ApplyYes({"--", "a", "c/d/e"});
  EXPECT_EQ(some.exit_code, 0) << some.err;
  EXPECT_EQ(some.out, "M a/one.txt\nA c/\nA c/d/\nA c/d/e\n");
  EXPECT_EQ(person_.Read("project/b/two.txt"), "2\n");
  const Finished rest = ApplyYes();
  EXPECT_EQ(rest.out, "M b/two.txt\nA c/f\n");
  const Finished slip = ApplyYes({"--", "b/tow.txt"});
  EXPECT_EQ(slip.exit_code, 125);
  EXPECT_THAT(slip.err, HasSubstr("b/tow.txt"));
  EXPECT_EQ(ApplyYes({"--", "../x"}).exit_code, 125);
}

TEST_P(Apply, WhatTheHostWouldRunNeedsAConsentOfItsOwn) {
  person_.Write("project/package.json", R"({"scripts":{"test":"true"},"version":"1"})");
  Run("mkdir -p deep/.vscode .github/workflows src; echo t > deep/.vscode/tasks.json; "
      "echo x > .envrc; echo w > .github/workflows/ci.yml; echo s > src/s; ln -s ../src "
      "deep/.husky;"
      "echo '{\"scripts\":{\"test\":\"true\",\"postinstall\":\"x\"},\"version\":\"1\"}' > "
      "package.json");
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 1) << applied.out;
  EXPECT_THAT(applied.out,
              AllOf(HasSubstr("held .envrc: "), HasSubstr("A src/s\n"),
                    HasSubstr("held deep/.vscode/tasks.json: "), HasSubstr("held deep/.husky: "),
                    HasSubstr("held .github/workflows/ci.yml: "),
                    HasSubstr("held package.json: its lifecycle scripts changed\n")));
  EXPECT_EQ(Host("find . -type f | sort").out, "./package.json\n./src/s\n");
  EXPECT_EQ(person_.Read("project/package.json").find("postinstall"), std::string::npos);
  const Finished broad = ApplyYes({"--consent", "deep"});
  EXPECT_THAT(broad.out, HasSubstr("held deep/.vscode/tasks.json: "));
  const Finished some =
      ApplyYes({"--consent", "deep/.vscode", "--consent", ".envrc", "--consent", "package.json"});
  EXPECT_EQ(some.exit_code, 1) << some.out;
  EXPECT_EQ(person_.Read("project/deep/.vscode/tasks.json"), "t\n");
  EXPECT_EQ(person_.Read("project/.envrc"), "x\n");
  EXPECT_THAT(person_.Read("project/package.json"), HasSubstr("postinstall"));
  EXPECT_FALSE(person_.Exists("project/.github"));
  EXPECT_FALSE(person_.Exists("project/deep/.husky"));
}

TEST_P(Apply, AManifestWhoseScriptsStayComesByItself) {
  person_.Write("project/package.json", R"({"scripts":{"test":"true"},"version":"1"})");
  Run("sed -i s/1/2/ package.json");
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_THAT(person_.Read("project/package.json"), HasSubstr(R"("version":"2")"));
}

TEST_P(Apply, NothingBelowAnyGitEverComes) {
  person_.Write("project/file", "x\n");
  person_.MakeGitProject();
  ASSERT_EQ(Host("mkdir -p nested && cd nested && git init -q . && echo n > n").exit_code, 0);
  const std::string before = person_.Fingerprint(Project(".git"));
  const std::string nested = person_.Fingerprint(Project("nested/.git"));
  Run("for d in .git/hooks nested/.git/hooks a/.git/hooks a/b/c/.git/hooks .GIT/hooks a/.Git/hooks "
      "'a/.git /hooks' 'a/.git./hooks'; do mkdir -p \"$d\"; printf '#!/bin/sh\\n' > "
      "\"$d/post-checkout\"; chmod 755 \"$d/post-checkout\"; done; git config alias.x '!x'; "
      "echo y >> file; mkdir sub; echo 'gitdir: ../a' > sub/.git; ln -s .git/hooks hooks; "
      "echo z > a/ordinary");
  const Finished applied = ApplyYes({"--consent", "file"});
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_EQ(Host("find . -path ./.git -prune -o -path ./nested/.git -prune -o "
                 "-iname '*git*' -print; find . -name post-checkout")
                .out,
            "");
  EXPECT_EQ(person_.Fingerprint(Project(".git")), before);
  EXPECT_EQ(person_.Fingerprint(Project("nested/.git")), nested);
  EXPECT_THAT(applied.out, AllOf(HasSubstr("refused a/.git/: "), HasSubstr("refused .GIT/: "),
                                 HasSubstr("refused hooks: "), HasSubstr("A a/ordinary\n"),
                                 HasSubstr("M file\n")));
  EXPECT_THAT(applied.err, HasSubstr("stay inside"));
  EXPECT_EQ(person_.Read("project/file"), "x\ny\n");
}

TEST_P(Apply, ADirectoryMovedAwayFromItsRepositoryLeavesIt) {
  person_.Write("project/sub/file", "x\n");
  ASSERT_EQ(Host("cd sub && git init -q .").exit_code, 0);
  const std::string git = person_.Fingerprint(Project("sub/.git"));
  Run("mv sub moved");
  EXPECT_EQ(ApplyYes().exit_code, 1);
  EXPECT_EQ(person_.Fingerprint(Project("sub/.git")), git);
  EXPECT_EQ(person_.Read("project/moved/file"), "x\n");
  EXPECT_FALSE(person_.Exists("project/moved/.git"));
}

TEST_P(Apply, HostileThingsStayInside) {
  person_.Write("project/file.txt", "mine\n");
  person_.Write("project/dir/inner.txt", "mine\n");
  person_.Write("outside/file.txt", "outside\n");
  const std::string outside = person_.Fingerprint(person_.root() + "/outside");
  Run("mkfifo pipe; cp /bin/true suid; chmod 6755 suid; mkdir sticky; chmod 3777 sticky; "
      "rm file.txt; ln -s ../outside/file.txt file.txt; rm -r dir; ln -s " +
      person_.root() +
      "/outside dir; mkdir -p p/q; ln -s ../../p/../../outside p/q/up; ln -s ../../../x p/q/out; "
      "ln -s ../r p/q/in; python3 -c 'import socket; "
      "socket.socket(socket.AF_UNIX).bind(\"sock\")'");
  const auto begin = std::chrono::steady_clock::now();
  const Finished applied = ApplyYes();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(applied.exit_code, 1) << applied.out << applied.err;
  EXPECT_THAT(applied.out,
              AllOf(HasSubstr("refused pipe: a FIFO stays inside\n"), HasSubstr("refused p/q/up: "),
                    HasSubstr("refused sock: a socket stays inside\n"),
                    HasSubstr("refused p/q/out: "), HasSubstr("A p/q/in\n"),
                    HasSubstr("refused file.txt: a symbolic link that leaves the project\n"),
                    HasSubstr("refused dir: a symbolic link with an absolute target\n"),
                    HasSubstr("A suid (without its setuid, setgid and sticky bits)\n")));
  EXPECT_EQ(ModeOf("suid") & 07777U, 0755U);
  EXPECT_EQ(ModeOf("sticky") & 07777U, 0777U);
  EXPECT_EQ(person_.Read("project/file.txt"), "mine\n");
  EXPECT_EQ(Host("find . ! -type f ! -type d ! -type l; find . -perm /7000; "
                 "find . -type l | sort")
                .out,
            "./p/q/in\n");
  EXPECT_EQ(person_.Fingerprint(person_.root() + "/outside"), outside);
}

TEST_P(Apply, AHugeSparseFileCostsWhatItHolds) {
  Run("truncate -s 8T sparse; printf end | dd of=sparse bs=1 seek=8000000000000 conv=notrunc "
      "2>/dev/null");
  const auto begin = std::chrono::steady_clock::now();
  const Finished applied = ApplyYes();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  EXPECT_EQ(applied.exit_code, 0) << applied.out << applied.err;
  struct stat info{};
  ASSERT_EQ(::stat(Project("sparse").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 8LL << 40);
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
  EXPECT_EQ(Host("dd if=sparse bs=1 skip=8000000000000 count=3 2>/dev/null").out, "end");
}

TEST_P(Apply, AVeryDeepTreeIsLeftOutAndSaidInAFewWords) {
  Run("python3 -c 'import os\nfor i in range(3000): os.mkdir(\"d\"); os.chdir(\"d\")\n"
      "open(\"bottom\", \"w\").write(\"x\")'");
  const auto begin = std::chrono::steady_clock::now();
  const Finished applied = ApplyYes();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  EXPECT_EQ(applied.exit_code, 1);
  EXPECT_LT(applied.out.size(), 1U << 20);
  EXPECT_THAT(applied.out, HasSubstr("deeper than 256 directories"));
}

TEST_P(Apply, FiveThousandFilesAreQuick) {
  Run("mkdir many; i=0; while [ $i -lt 5000 ]; do echo $i > many/$i; i=$((i+1)); done");
  const auto begin = std::chrono::steady_clock::now();
  const Finished applied = ApplyYes();
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(applied.exit_code, 0) << applied.err;
  EXPECT_LT(took, std::chrono::seconds(30));
  EXPECT_EQ(Host("ls many | wc -l; cat many/4321").out, "5000\n4321\n");
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_FALSE(person_.Exists("project/many"));
}

TEST_P(Apply, WhatTheHostChangedMeanwhileStays) {
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

TEST_P(Apply, UndoLeavesWhatTheHostChangedSince) {
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

TEST_P(Apply, AProjectThatIsNotTheRunsIsRefused) {
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

TEST_P(Apply, ALiveRunIsRefused) {
  const pid_t pid =
      person_.Start({"run", "-q", "--", "/bin/sh", "-c", "echo x > new; sleep 60"}, "output");
  for (int i = 0; i < 200; ++i) {
    if (person_.Ambit({"diff", "--name-status"}).out == "A\tnew\n") break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const Finished alive = ApplyYes();
  EXPECT_EQ(alive.exit_code, 125);
  EXPECT_THAT(alive.err, HasSubstr("still alive"));
  EXPECT_FALSE(person_.Exists("project/new"));
  ::kill(pid, SIGTERM);
  ::waitpid(pid, nullptr, 0);
  EXPECT_EQ(ApplyYes().exit_code, 0);
  EXPECT_TRUE(person_.Exists("project/new"));
}

TEST_P(Apply, NamesCannotSteerTheTerminal) {
  Run("touch \"$(printf 'a\\033]0;x\\007\\nheld')\"");
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.out, "A a\\x1b]0;x\\x07\\nheld\n");
}

TEST_P(Apply, AKilledApplyIsTakenBackOrFinishedByTheNext) {
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

TEST_P(Apply, TheStateMayLieOnAnotherFileSystem) {
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

TEST_P(Apply, ASecondApplyAtTheSameTimeIsKeptOut) {
  Run("echo x > new");
  const Finished other = person_.Execute({"sh", "-c", "flock . " + AmbitBinary() + " apply --yes"});
  EXPECT_EQ(other.exit_code, 125);
  EXPECT_THAT(other.err, HasSubstr("locked"));
  EXPECT_EQ(ApplyYes().exit_code, 0);
}

TEST_P(Apply, ADirectoryOfThatNameThatIsNotOursIsNotTouched) {
  Run("echo x > new; mkdir .ambit-apply-r-aaaaaaaa; echo y > .ambit-apply-r-aaaaaaaa/0");
  EXPECT_THAT(ApplyYes().out, HasSubstr("refused .ambit-apply-r-aaaaaaaa/: "));
  ASSERT_EQ(Host("mkdir .ambit-apply-r-bbbbbbbb; echo mine > .ambit-apply-r-bbbbbbbb/0").exit_code,
            0);
  const Finished applied = ApplyYes();
  EXPECT_EQ(applied.exit_code, 125);
  EXPECT_THAT(applied.err, HasSubstr("nobody remembers"));
  EXPECT_EQ(person_.Read("project/.ambit-apply-r-bbbbbbbb/0"), "mine\n");
}

}  // namespace
}  // namespace ambit::testing
