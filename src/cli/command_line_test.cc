#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cli.h"

namespace ambit::cli {
namespace {

using ::testing::ElementsAre;

/// `tool fetch [FROM]`, and what was filled.
struct Tool {
  Tool() {
    NewCommand fetch = line.top().AddCommand("fetch", "Fetch it");
    fetch.AddArgument("from", from, "Where it is");
    fetch.AddArgument("word", words, "What else");
    fetch.AddFlag("-t,--tag", tags, "May be repeated").Takes("TAG");
    fetch.AddFlag("--size", size, "At most so much").InBytes();
    fetch.AddFlag("--days", days, "Not older").UpTo(7);
    fetch.AddFlag("--how", how, "In which way").OneOf({"soon", "late"});
    fetch.AddFlag("--once", once, "Only now");
    fetch.AddFlag("--always", always, "Each time").NotWith({"--once"});
    fetch.AddFlag("--count", [this] { ++counted; }, "Counted here");
    NewCommand form = fetch.AddAlternatives("form");
    form.AddFlag("--long", long_form, "Long");
    form.AddFlag("--short", short_form, "Short");
    fetch.Does([this]() -> Result<int> {
      ++fetched;
      return 7;
    });
    NewCommand lose = line.top().AddCommand("lose", "Lose it");
    lose.AddFlag("--name", name, "Its name").Required();
    lose.Does([]() -> Status { return Fail(Errc::kNotFound, "it is lost", "look elsewhere"); });
  }

  CommandLine line{"tool", "About it.", "1.2"};
  std::string from;
  std::vector<std::string> words;
  std::vector<std::string> tags;
  std::optional<std::uint64_t> size;
  std::optional<std::uint64_t> days;
  std::string how;
  std::string name;
  bool once = false;
  bool always = false;
  bool long_form = false;
  bool short_form = false;
  int counted = 0;
  int fetched = 0;
};

TEST(CommandLine, DoesWhatTheNamedCommandDoes) {
  Tool tool;
  EXPECT_EQ(tool.line.Execute({"fetch", "here", "and", "there", "--count"}), 7);
  EXPECT_EQ(tool.fetched, 1);
  EXPECT_EQ(tool.counted, 1);
  EXPECT_EQ(tool.from, "here");
  EXPECT_THAT(tool.words, ElementsAre("and", "there"));
  EXPECT_EQ(tool.size, std::nullopt);
}

TEST(CommandLine, TakesOneValueEachTimeAFlagIsGiven) {
  Tool tool;
  EXPECT_EQ(tool.line.Execute({"fetch", "-t", "a", "here", "--tag", "b", "--", "-c"}), 7);
  EXPECT_THAT(tool.tags, ElementsAre("a", "b"));
  EXPECT_EQ(tool.from, "here");
  EXPECT_THAT(tool.words, ElementsAre("-c"));
}

TEST(CommandLine, CountsUnitsOfSizeInPowersOfTwo) {
  for (const char* spelled : {"2MB", "2 MiB", "2m", "2097152"}) {
    Tool tool;
    EXPECT_EQ(tool.line.Execute({"fetch", "--size", spelled}), 7) << spelled;
    EXPECT_EQ(tool.size, 2U << 20) << spelled;
  }
}

TEST(CommandLine, DoesNothingOfWhatItDoesNotUnderstand) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"find"},
      {"fetch", "--unknown"},
      {"fetch", "--days", "8"},
      {"fetch", "--how", "never"},
      {"fetch", "--always", "--once"},
      {"fetch", "--once", "--always"},
      {"fetch", "--long", "--short"},
      {"lose"},
  };
  for (const std::vector<std::string>& words : wrong) {
    Tool tool;
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(tool.line.Execute(words), kAmbitFailed) << ::testing::PrintToString(words);
    EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
    EXPECT_EQ(tool.fetched, 0);
  }
}

TEST(CommandLine, TellsTheErrorOfWhatWasDone) {
  Tool tool;
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(tool.line.Execute({"lose", "--name", "it"}), kAmbitFailed);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "ambit: it is lost\nambit: look elsewhere\n");
}

TEST(CommandLine, ShowsHelpAndVersionAndDoesNothing) {
  Tool tool;
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(tool.line.Execute({"fetch", "--help"}), 0);
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), ::testing::HasSubstr("-t,--tag TAG"));
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(Tool().line.Execute({"--version"}), 0);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "1.2\n");
  EXPECT_EQ(tool.fetched, 0);
}

}  // namespace
}  // namespace ambit::cli
