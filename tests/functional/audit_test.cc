// What `ambit audit verify` says of the journals of real runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Audit : public ::testing::TestWithParam<Who> {
 protected:
  Audit() { person_.Write("project/file.txt", "host\n"); }
  std::string Runs() const { return "home/.local/state/ambit/runs"; }
  /// The journal of the only run, relative to the person's root.
  std::string Journal() const {
    std::error_code not_yet;
    for (const auto& entry : fs::directory_iterator(person_.root() + "/" + Runs(), not_yet)) {
      return Runs() + "/" + entry.path().filename().string() + "/journal.jsonl";
    }
    return {};
  }
  Finished Verify() const { return person_.Ambit({"audit", "verify"}); }

  Scratch person_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(As, Audit, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(Audit, FindsARunAndItsReviewIntact) {
  ASSERT_EQ(person_.Sh("echo inside > file.txt").exit_code, 0);
  Finished verified = Verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr(": intact, 9 records, sealed "));
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 0);
  verified = person_.Ambit({"audit", "verify", "--json"});
  EXPECT_EQ(verified.exit_code, 0);
  EXPECT_THAT(verified.out, AllOf(HasSubstr(R"("standing":"intact")"), HasSubstr(R"("seals":2)")));
}

TEST_P(Audit, NamesTheFirstRecordThatIsNotAsItWasWritten) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);
  const std::string good = person_.Read(Journal());
  std::string edited = good;
  edited.replace(edited.find("run.started"), 3, "ran");
  person_.Write(Journal(), edited, 0600);
  Finished verified = Verify();
  EXPECT_EQ(verified.exit_code, 1) << verified.out << verified.err;
  EXPECT_THAT(verified.out, AllOf(HasSubstr("tampered with: record 3 was edited (line 3, byte "),
                                  HasSubstr("the last good record is 2 of ")));
  // The run's own record remembers that there was an end.
  person_.Write(Journal(), good.substr(0, good.find('\n') + 1), 0600);
  verified = Verify();
  EXPECT_EQ(verified.exit_code, 1) << verified.out;
  EXPECT_THAT(verified.out, HasSubstr("the run's end was written and is gone"));
  // Another key is another person.
  person_.Write(Journal(), good, 0600);
  fs::remove(person_.home() + "/.local/state/ambit/journal.key");
  fs::remove(person_.home() + "/.local/state/ambit/journal.pub");
  EXPECT_THAT(Verify().out, HasSubstr("signed by another key"));
}

TEST_P(Audit, TellsAnOlderJournalAndReviewsItAllTheSame) {
  ASSERT_EQ(person_.Sh("echo inside > file.txt").exit_code, 0);
  const std::string journal = Journal();
  const std::string id = fs::path(journal).parent_path().filename();
  person_.Write(journal,
                R"({"v":1,"seq":1,"t":1,"run":")" + id +
                    R"(","event":"run.ended","detail":""})"
                    "\n",
                0600);
  const std::string meta = fs::path(journal).parent_path().string() + "/meta.json";
  std::string text = person_.Read(meta);
  const std::size_t sealed = text.find("\"sealed\"");
  ASSERT_NE(sealed, std::string::npos);
  person_.Write(meta, text.replace(sealed, 8, "\"older!\""), 0600);
  const Finished verified = Verify();
  EXPECT_EQ(verified.exit_code, 3) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("made before journals were chained"));
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/file.txt"), "inside\n");
  EXPECT_EQ(Verify().exit_code, 3);
}

TEST_P(Audit, TellsARunThatGoesOnFromOneThatWasKilled) {
  const pid_t ambit = person_.Start({"run", "-q", "--", "sleep", "60"}, "out");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (person_.Read(Journal()).find("run.started") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Finished verified = Verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("the run still writes it"));
  ::kill(ambit, SIGKILL);
  ::waitpid(ambit, nullptr, 0);
  verified = Verify();
  EXPECT_EQ(verified.exit_code, 3) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("ambit was killed before it could seal it"));
  EXPECT_EQ(person_.Ambit({"discard", "--yes"}).exit_code, 0);
  verified = Verify();
  EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("gone on with after a crash: 1 time"));
}

TEST_P(Audit, AKeyThatOthersCanReadStartsNothing) {
  ASSERT_EQ(person_.Sh("true").exit_code, 0);
  const std::string key = person_.home() + "/.local/state/ambit/journal.key";
  fs::permissions(key, fs::perms::others_read, fs::perm_options::add);
  const Finished run = person_.Sh("echo ran");
  EXPECT_EQ(run.exit_code, 125);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, AllOf(HasSubstr(key), HasSubstr("others can use it"), HasSubstr("chmod")));
}

TEST_P(Audit, NothingInsideSeesTheKey) {
  const Finished run = person_.Sh("find / -name 'journal.*' 2>/dev/null; true");
  EXPECT_EQ(run.out, "");
}

}  // namespace
}  // namespace ambit::testing
