// An apply that was interrupted, or is under way, is visible to every other command, and no run
// starts in a project that is half of one state and half of another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "apply_for_test.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class UnfinishedApply : public ApplyTest {
 protected:
  std::string State() const { return person_.home() + "/.local/state/ambit"; }
  /// The one run of the store.
  std::string Id() const {
    return fs::directory_iterator(State() + "/runs")->path().filename().string();
  }
  bool IsAnnounced() const { return fs::exists(State() + "/applying/" + Id()); }
  std::string Staging() const { return Project(".ambit-apply-" + Id()); }

  /// Stops an apply while it makes its changes, and returns its process: it has the locks still.
  pid_t StoppedApply() {
    Run("mkdir many; i=0; while [ $i -lt 3000 ]; do echo $i > many/$i; i=$((i+1)); done");
    const pid_t pid = person_.Start({"apply", "--yes"}, "output");
    for (int i = 0; i < 10'000 && !fs::exists(Staging()); ++i) ::usleep(1000);
    ::kill(pid, SIGSTOP);
    EXPECT_TRUE(fs::exists(Staging()));
    EXPECT_TRUE(IsAnnounced());
    return pid;
  }
  static void End(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  Finished Start() { return person_.Ambit({"run", "-q", "--", "touch", "started"}); }
  std::size_t Runs() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& run : fs::directory_iterator(State() + "/runs")) ++count;
    return count;
  }
};
INSTANTIATE_TEST_SUITE_P(As, UnfinishedApply, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(UnfinishedApply, NoRunStartsUntilItIsBroughtToAnEnd) {
  const std::string before = Tree();
  const pid_t pid = StoppedApply();
  const std::string id = Id();
  const Finished meanwhile = Start();
  EXPECT_EQ(meanwhile.exit_code, 125);
  EXPECT_THAT(meanwhile.err, AllOf(HasSubstr("of run " + id + " is under way"),
                                   HasSubstr("try again when it is done")));
  EXPECT_THAT(person_.Ambit({"ps", "-a"}).out, HasSubstr("exited 0, being applied"));
  EXPECT_THAT(person_.Ambit({"inspect"}).out, HasSubstr("apply     under way\n"));
  End(pid);
  ASSERT_TRUE(fs::exists(Staging()));

  const Finished refused = Start();
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("of run " + id + " was interrupted"),
                                 HasSubstr("'ambit undo " + id + "'")));
  EXPECT_EQ(person_.Ambit({"run", "-q", "--project", "ro", "--", "true"}).exit_code, 125);
  EXPECT_EQ(Runs(), 1U) << "nothing was begun";
  EXPECT_THAT(person_.Ambit({"diff", "--stat"}).err, HasSubstr("was interrupted"));
  EXPECT_THAT(person_.Ambit({"ps", "-a"}).out, HasSubstr("exited 0, apply interrupted"));
  EXPECT_THAT(person_.Ambit({"ps", "-a", "--json"}).out,
              HasSubstr(R"("unfinished":"apply interrupted")"));
  EXPECT_THAT(person_.Ambit({"inspect"}).out, HasSubstr("apply     interrupted; 'ambit undo"));
  EXPECT_THAT(person_.Ambit({"inspect", "--json"}).out,
              HasSubstr(R"("unfinished":"apply interrupted")"));

  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_EQ(Tree(), before);
  EXPECT_FALSE(IsAnnounced());
  EXPECT_EQ(Start().exit_code, 0);
  const Finished quiet = person_.Ambit({"diff", "--stat", id});
  EXPECT_THAT(quiet.err, Not(HasSubstr("interrupted")));
  EXPECT_THAT(person_.Ambit({"inspect", "--json", id}).out, HasSubstr(R"("unfinished":"")"));
}

TEST_P(UnfinishedApply, ASecondUndoSaysThatAnotherOneIsUnderWay) {
  const pid_t pid = StoppedApply();
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"undo"}, {"apply", "--yes"}, {"undo", Id()}}) {
    const Finished second = person_.Ambit(command);
    EXPECT_EQ(second.exit_code, 125);
    EXPECT_THAT(second.err, AllOf(HasSubstr("another apply, undo"), HasSubstr("try again"),
                                  Not(HasSubstr("temporarily unavailable"))));
  }
  End(pid);
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
}

TEST_P(UnfinishedApply, InAnotherProjectARunStarts) {
  End(StoppedApply());
  const std::string other = person_.root() + "/other";
  ASSERT_EQ(Host("mkdir " + other).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"run", "-q", "-C", other, "--", "true"}).exit_code, 0);
  EXPECT_EQ(Start().exit_code, 125);  // the control
}

TEST_P(UnfinishedApply, AStrayDirectoryOrNameOfNoRunBlocksNothing) {
  ASSERT_EQ(Host("mkdir -p .ambit-apply-r-bbbbbbbb " + State() + "/applying; touch " + State() +
                 "/applying/r-bbbbbbbb " + State() + "/applying/x")
                .exit_code,
            0);
  EXPECT_EQ(Start().exit_code, 0);
}

TEST_P(UnfinishedApply, OneThatIsOverIsNotAnnouncedAnyMore) {
  person_.Write("project/a", "start\n");
  Run("echo agent > a");
  ASSERT_EQ(ApplyYes().exit_code, 0);
  EXPECT_FALSE(IsAnnounced());
  ASSERT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  EXPECT_FALSE(IsAnnounced());
  // As if it had been killed just before it took its name away.
  ASSERT_EQ(Host("touch " + State() + "/applying/" + Id()).exit_code, 0);
  EXPECT_EQ(Start().exit_code, 0);
}

}  // namespace
}  // namespace ambit::testing
