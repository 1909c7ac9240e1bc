// ambit apply and ambit undo: what a run left, brought to the host by the real binary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <string>
#include <thread>

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

using ::testing::HasSubstr;

class Apply : public ApplyTest {};
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

}  // namespace
}  // namespace ambit::testing
