// What a person's commands do to a run's work stands in the run's journal, or they do nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/run_ambit.h"

namespace ambit::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ReviewJournal : public ::testing::TestWithParam<Who> {
 protected:
  ReviewJournal() { person_.Write("project/file.txt", "host\n"); }

  void Run(const std::string& script) {
    const Finished run = person_.Sh("set -e; " + script);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const std::string runs = person_.home() + "/.local/state/ambit/runs";
    for (const auto& entry : fs::directory_iterator(runs)) run_ = entry.path().filename();
    journal_ = runs + "/" + run_ + "/journal.jsonl";
  }
  /// `EXPRESSION` of each event `e` from the person's commands, one a line; the journal is whole.
  std::string Events(const std::string& expression) const {
    const Finished read = person_.Execute(
        {"python3", "-c",
         "import json,sys\n"
         "events = [json.loads(line) for line in open(sys.argv[1])]\n"
         "assert [e['seq'] for e in events] == list(range(1, len(events) + 1)), events\n"
         "assert all(e['run'] == sys.argv[2] and e['v'] == 1 for e in events)\n"
         "for e in events:\n"
         "  if not e['event'].startswith(('run.', 'journal.', 'process.', 'file.', "
         "'layer.remained')): print(" +
             expression + ")\n",
         journal_, run_});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    return read.out;
  }

  Scratch person_{GetParam()};
  std::string run_;
  std::string journal_;
};
INSTANTIATE_TEST_SUITE_P(As, ReviewJournal, ::testing::ValuesIn(Everyone()),
                         [](const auto& param) { return NameOf(param.param); });

TEST_P(ReviewJournal, NamesALargeFileThatItsFirstWriteCopied) {
  EXPECT_EQ(person_.Execute({"truncate", "-s", "65M", "large.img"}).exit_code, 0);
  Run("echo x >> large.img; truncate -s 65M new.img; echo x >> file.txt");
  EXPECT_EQ(Events("e['event'], e['layer'], e['path'], e['bytes']"),
            "layer.copied_up project large.img 68157442\n");
}

TEST_P(ReviewJournal, SaysWhatWasAppliedHeldAndInConflict) {
  Run("echo inside > file.txt; echo x > new; echo x > .envrc; mkdir .vscode; "
      "echo {} > .vscode/tasks.json");
  person_.Write("project/file.txt", "the host's\n");
  EXPECT_EQ(person_.Ambit({"apply", "--yes", "--consent", ".envrc"}).exit_code, 1);
  EXPECT_EQ(Events("e['event'], e['applied_paths'], e['held_paths'], e['conflicts_paths'], "
                   "e.get('consents_paths'), e.get('error')"),
            "apply.started ['A .envrc', 'A new'] ['.vscode', '.vscode/tasks.json'] ['file.txt'] "
            "['.envrc'] None\n"
            "apply.ended ['A .envrc', 'A new'] ['.vscode', '.vscode/tasks.json'] ['file.txt'] "
            "None \n");
}

TEST_P(ReviewJournal, SaysWhatWasReplaced) {
  Run("echo inside > file.txt");
  person_.Write("project/file.txt", "the host's\n");
  EXPECT_EQ(person_.Ambit({"apply", "--yes", "--replace", "file.txt"}).exit_code, 0);
  EXPECT_EQ(Events("e['event'], e['applied_paths'], e.get('replaced'), e.get('replaced_paths')"),
            "apply.started ['M file.txt'] 1 ['file.txt']\n"
            "apply.ended ['M file.txt'] None None\n");
}

TEST_P(ReviewJournal, BoundsTheListsAndNotTheCounts) {
  Run("for i in $(seq 250); do echo x > f$i; done");
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 0);
  EXPECT_EQ(Events("e['event'], e['applied'], len(e['applied_paths'])"),
            "apply.started 250 100\napply.ended 250 100\n");
}

TEST_P(ReviewJournal, TellsTheWholeStoryOfARun) {
  person_.Write("home/.gitconfig", "[user]\n\tname = Ada\n\temail = ada@example.org\n");
  person_.MakeGitProject();
  Run("echo inside > file.txt");
  EXPECT_EQ(person_.Ambit({"apply", "--dry-run"}).exit_code, 0);
  EXPECT_EQ(Events("e"), "") << "looking is no event";
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 0);
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 0);
  const Finished branched = person_.Ambit({"branch", "work"});
  EXPECT_EQ(branched.exit_code, 0) << branched.err;
  EXPECT_EQ(person_.Ambit({"branch", "work", "--from", "x"}).exit_code, 125) << "it exists";
  EXPECT_EQ(person_.Ambit({"discard", "--yes"}).exit_code, 0);
  EXPECT_EQ(
      Events("e['event'], e.get('applied_paths', ''), e.get('branch', '') + e.get('from', ''), "
             "e.get('commits', ''), e.get('error', '') != ''"),
      "apply.started ['M file.txt']   False\n"
      "apply.ended ['M file.txt']   False\n"
      "undo.started    False\n"
      "undo.ended ['M file.txt']   False\n"
      "branch.started  work  False\n"
      "branch.ended   1 False\n"
      "branch.started  workx  False\n"
      "branch.ended   0 True\n"
      "work.discarded    False\n");
}

TEST_P(ReviewJournal, WithoutItNothingIsDone) {
  person_.MakeGitProject();
  Run("echo inside > file.txt");
  const std::string before = person_.Fingerprint();
  const std::string text = person_.Read(fs::relative(journal_, person_.root()));
  const auto refuse = [&](const std::string& why) {
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"apply", "--yes"}, {"branch", "work"}, {"discard", "--yes"}}) {
      const Finished done = person_.Ambit(command);
      EXPECT_EQ(done.exit_code, 125) << why << ": " << command[0];
      EXPECT_THAT(done.err, AllOf(HasSubstr("journal"), HasSubstr("cannot be written"),
                                  HasSubstr("nothing was done")));
    }
    EXPECT_EQ(person_.Fingerprint(), before);
    EXPECT_EQ(person_.Ambit({"diff", "--name-status"}).out, "M\tfile.txt\n");
  };
  fs::remove(journal_);
  refuse("missing");
  fs::create_symlink("/dev/full", journal_);
  refuse("a link");
  fs::remove(journal_);
  person_.Write(fs::relative(journal_, person_.root()), "not of ambit\n");
  refuse("somebody else's");
  // The control: with the journal as it was the same commands work.
  person_.Write(fs::relative(journal_, person_.root()), text, 0600);
  EXPECT_EQ(person_.Ambit({"apply", "--yes"}).exit_code, 0);
  EXPECT_EQ(person_.Read("project/file.txt"), "inside\n");
  fs::remove(journal_);
  EXPECT_EQ(person_.Ambit({"undo"}).exit_code, 125);
  EXPECT_EQ(person_.Read("project/file.txt"), "inside\n");
}

}  // namespace
}  // namespace ambit::testing
