// Finished runs go by themselves, a day after it was said, and never with work that nobody took.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fd.h"
#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class KeepPolicy : public ::testing::TestWithParam<Who> {
 protected:
  KeepPolicy() { person_.Write("project/file.txt", "host\n"); }

  std::string State() const { return person_.home() + "/.local/state/ambit"; }
  std::string DirOf(const std::string& id) const { return State() + "/runs/" + id; }
  bool Exists(const std::string& id) const { return fs::exists(DirOf(id)); }

  std::string Run(const std::string& script, std::vector<std::string> flags = {}) {
    const auto ids = [&] {
      std::vector<std::string> names;
      if (!fs::exists(State() + "/runs")) return names;
      for (const auto& entry : fs::directory_iterator(State() + "/runs")) {
        names.push_back(entry.path().filename());
      }
      return names;
    };
    const std::vector<std::string> before = ids();
    const Finished run = person_.Sh(script, std::move(flags));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    for (const std::string& id : ids()) {
      if (std::ranges::find(before, id) == before.end()) return id;
    }
    return "r-none0000";
  }
  void Host(const std::string& script) {
    const Finished done = person_.Execute({"sh", "-c", "set -e; " + script});
    ASSERT_EQ(done.exit_code, 0) << done.err;
  }
  /// As if the run had ended so many days ago.
  void Age(const std::string& id, int days) {
    Host("python3 -c 'import json; p=\"" + DirOf(id) +
         "/meta.json\"; m=json.load(open(p)); m[\"finished_ns\"]-=" + std::to_string(days) +
         "*86400*10**9; json.dump(m,open(p,\"w\"))'");
  }
  /// What a run says when the last look was two days ago.
  std::string SaidOnANewDay(const std::vector<std::string>& flags = {}) {
    Host("touch -d '2 days ago' '" + State() + "/last-tidied'");
    return SaidToday(flags);
  }
  std::string SaidToday(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(), "run");
    flags.insert(flags.end(), {"--", "true"});
    const Finished run = person_.Ambit(flags);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.err;
  }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, KeepPolicy, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(KeepPolicy, OldRunsGoADayAfterItWasSaidAndUntakenWorkStays) {
  const std::string idle = Run("true");
  const std::string discarded = Run("echo 1 > a");
  EXPECT_EQ(person_.Ambit({"discard", discarded}).exit_code, 0);
  const std::string applied = Run("echo inside > file.txt");
  EXPECT_EQ(person_.Ambit({"apply", "--yes", applied}).exit_code, 0);
  const std::string untaken = Run("echo 2 > b");
  EXPECT_EQ(person_.Ambit({"diff", untaken}).exit_code, 0) << "looked at is not taken";
  const std::string partly = Run("echo 3 > c; echo x > .envrc");
  EXPECT_EQ(person_.Ambit({"apply", "--yes", partly}).exit_code, 1);
  const std::string undone = Run("echo 4 > d");
  EXPECT_EQ(person_.Ambit({"apply", "--yes", undone}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"undo", undone}).exit_code, 0);
  const std::string kept = Run("true", {"--keep-run"});
  const std::string young = Run("true");
  for (const auto& id : {idle, discarded, applied, untaken, partly, undone, kept}) Age(id, 31);
  SaidToday();  // the first day only begins to count

  const std::string first = SaidOnANewDay();
  EXPECT_THAT(first, AllOf(HasSubstr("they go tomorrow"), HasSubstr(idle), HasSubstr(discarded),
                           HasSubstr(applied), Not(HasSubstr(kept)), Not(HasSubstr(young))));
  EXPECT_THAT(first, HasSubstr("'ambit rm " + untaken + " " + partly + " " + undone + "'"));
  EXPECT_THAT(SaidToday(), Not(HasSubstr(idle))) << "once a day";
  EXPECT_TRUE(Exists(idle) && Exists(discarded) && Exists(applied));

  EXPECT_THAT(SaidOnANewDay({"-q"}), "") << "who wants silence gets no removal either";
  EXPECT_TRUE(Exists(idle));
  const std::string second = SaidOnANewDay();
  EXPECT_THAT(second, AllOf(HasSubstr("removed, as was said before"), HasSubstr(untaken)));
  EXPECT_FALSE(Exists(idle) || Exists(discarded) || Exists(applied));
  for (const auto& id : {untaken, partly, undone, kept, young}) EXPECT_TRUE(Exists(id)) << id;
  EXPECT_EQ(person_.Ambit({"diff", "--name-status", untaken}).out, "A\tb\n");
}

TEST_P(KeepPolicy, TheOldestGoWhenAllTogetherAreTooLarge) {
  const std::string old = Run("true");
  const std::string young = Run("true");
  // As if they had been measured so.
  for (const auto& id : {old, young}) Host("echo 6000000000 > '" + DirOf(id) + "/size'");
  SaidToday();
  EXPECT_THAT(SaidOnANewDay(), AllOf(HasSubstr(old), Not(HasSubstr(young))));
  Host("echo 6000000000 > '" + DirOf(old) + "/size'");
  EXPECT_THAT(SaidOnANewDay(), HasSubstr("removed, as was said before: " + old));
  EXPECT_FALSE(Exists(old));
  EXPECT_TRUE(Exists(young));
}

TEST_P(KeepPolicy, ARunWithBranchesThatNobodyBroughtStays) {
  person_.Write("home/.gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.org\n");
  person_.MakeGitProject();
  const std::string files = Run("echo inside > other.txt");
  const std::string branches =
      Run("git switch -q -c fix; git commit -q --allow-empty -m fix; git switch -q -; echo x > x");
  for (const std::string& id : {files, branches}) {
    const Finished brought = person_.Ambit({"branch", "of-" + id, id});
    EXPECT_EQ(brought.exit_code, 0) << brought.err;
    EXPECT_EQ(person_.Ambit({"apply", "--yes", id}).exit_code, 0);
    Age(id, 31);
  }
  SaidToday();
  EXPECT_THAT(SaidOnANewDay(),
              AllOf(HasSubstr("they go tomorrow"), HasSubstr("'ambit rm " + branches + "'")));
  SaidOnANewDay();
  EXPECT_FALSE(Exists(files)) << "the control";
  EXPECT_TRUE(Exists(branches));
}

TEST_P(KeepPolicy, ARunInUseIsLeftAlone) {
  const std::string id = Run("true");
  Age(id, 31);
  SaidToday();
  EXPECT_THAT(SaidOnANewDay(), HasSubstr(id));
  {
    const Fd dir(::open(DirOf(id).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(dir.get(), LOCK_EX), 0);
    EXPECT_THAT(SaidOnANewDay(), Not(HasSubstr(id)));
    EXPECT_TRUE(Exists(id));
  }
  EXPECT_THAT(SaidOnANewDay(), HasSubstr(id));
  EXPECT_FALSE(Exists(id));
}

TEST_P(KeepPolicy, AKeptRunGoesOnlyByName) {
  const std::string kept = Run("true", {"--keep-run"});
  const std::string other = Run("true");
  EXPECT_EQ(person_.Ambit({"prune", "--keep", "0", "--yes"}).exit_code, 0);
  EXPECT_TRUE(Exists(kept));
  EXPECT_FALSE(Exists(other));
  EXPECT_EQ(person_.Ambit({"rm", kept}).exit_code, 0);
  EXPECT_FALSE(Exists(kept));
}

}  // namespace
}  // namespace ambit::testing
