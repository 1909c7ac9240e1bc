#include "policy/toml_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ambit::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ReadPolicy Read(std::string_view text, SourceKind source = SourceKind::kProject) {
  return ReadToml(text, source, "ambit.toml");
}

std::vector<std::string> MistakesIn(std::string_view text,
                                    SourceKind source = SourceKind::kProject) {
  std::vector<std::string> lines;
  for (const Mistake& mistake : Read(text, source).mistakes) lines.push_back(Describe(mistake));
  return lines;
}

TEST(TomlReader, ReadsEveryShapeWithItsPlace) {
  const ReadPolicy read = Read(R"(extends = ["node"]
[fs]
project = "ro"
ro = ["/opt/x",
      "~/y"]
mask = ["*.cfg"]
files = { "~/.a.json" = "{}" }
[env]
pass = ["TOKEN"]
set = { CI = "1" }
[net]
host_ports = [5432]
[[test]]
fs_hidden = ["~/.ssh"]
)");
  EXPECT_THAT(read.mistakes, IsEmpty());
  const Setting* ro = read.document.Find("fs.ro");
  ASSERT_NE(ro, nullptr);
  ASSERT_EQ(ro->items.size(), 2U);
  EXPECT_EQ(ro->items[1].text, "~/y");
  EXPECT_EQ(Describe(ro->items[1].origin), "ambit.toml:5:7");
  ASSERT_NE(read.document.Find("fs.files"), nullptr);
  EXPECT_EQ(read.document.Find("fs.files")->items[0].value, "{}");
  EXPECT_EQ(read.document.Find("env.set")->items[0].text, "CI");
  EXPECT_EQ(read.document.Find("net.host_ports")->items[0].text, "5432");
  ASSERT_EQ(read.document.tests.size(), 1U);
  EXPECT_EQ(read.document.tests[0].key, "fs_hidden");
}

TEST(TomlReader, TellsTheBeginningOfALongUnknownKey) {
  const std::vector<std::string> mistakes = MistakesIn(std::string(100'000, 'k') + " = 1\n");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_LT(mistakes[0].size(), 400U);
  EXPECT_THAT(mistakes[0], HasSubstr("kkk…'"));
}

TEST(TomlReader, TellsAMistakeOfTheSyntaxInOneLine) {
  const std::vector<std::string> mistakes = MistakesIn("\n-=[\n\n\nf\n\n''");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_THAT(mistakes[0], HasSubstr("saw 'f\\n'"));
}

TEST(TomlReader, TellsEveryMistakeWithItsPlaceInOrder) {
  EXPECT_THAT(
      MistakesIn("[fs]\nprojct = \"ro\"\nro = \"/x\"\ncow = [1]\n[nett]\nx = 1\n"),
      ElementsAre("ambit.toml:2:1: unknown key 'fs.projct'; did you mean 'fs.project'?",
                  "ambit.toml:3:6: fs.ro: a list of strings, not a string",
                  "ambit.toml:4:8: fs.cow: a string, not a number",
                  "ambit.toml:5:2: unknown key 'nett'; 'ambit policy schema' has them all"));
}

TEST(TomlReader, TellsWhatIsNoTomlWithItsPlace) {
  const auto mistakes = MistakesIn("[fs\nro = 1\n");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_THAT(mistakes[0], HasSubstr("ambit.toml:1:"));
}

TEST(TomlReader, RefusesValuesThatCannotBeRight) {
  EXPECT_THAT(MistakesIn("[fs]\nproject = \"co\""),
              ElementsAre(HasSubstr("'co': not one of ro, cow, rw; did you mean")));
  EXPECT_THAT(MistakesIn("[fs]\nro = [\"~ann/x\"]"), ElementsAre(HasSubstr("your own home")));
  EXPECT_THAT(MistakesIn("[fs]\nro = [\"\"]"), ElementsAre(HasSubstr("names nothing")));
  EXPECT_THAT(MistakesIn("[fs]\nmask = [\"../x\"]"), ElementsAre(HasSubstr("leaves the project")));
  EXPECT_THAT(MistakesIn("[env]\npass = [\"A B\"]"), ElementsAre(HasSubstr("variable name")));
  EXPECT_THAT(MistakesIn("[net]\nhost_ports = [0, 65536, -1]"),
              ElementsAre(HasSubstr("'0'"), HasSubstr("'65536'"), HasSubstr("'-1'")));
}

TEST(TomlReader, ReadsPortsAsNumbersAndAsText) {
  const ReadPolicy read =
      Read("[net]\nhost_ports = [5432, '6379']\npublish = [3000, '8080:80', \"0:5173\", '81']\n");
  EXPECT_THAT(read.mistakes, IsEmpty());
  const auto texts = [&](std::string_view key) {
    std::vector<std::string> all;
    for (const Item& item : read.document.Find(key)->items) all.push_back(item.text);
    return all;
  };
  EXPECT_THAT(texts("net.host_ports"), ElementsAre("5432", "6379"));
  EXPECT_THAT(texts("net.publish"), ElementsAre("3000", "8080:80", "0:5173", "81"));
  EXPECT_THAT(MistakesIn("[net]\npublish = [0, 65536, -1, 80.5, '+1', true]"),
              ElementsAre(HasSubstr("'0': not a port"), HasSubstr("'65536': not a port"),
                          HasSubstr("'-1': not a port"),
                          HasSubstr("a number or a string, not a number with a fraction"),
                          HasSubstr("'+1': not a port"),
                          HasSubstr("a number or a string, not true or false")));
  EXPECT_THAT(
      MistakesIn("[net]\nhost_ports = ['080', '80:80', '', ['80']]"),
      ElementsAre(HasSubstr("'080': not a port"), HasSubstr("'80:80': not a port"),
                  HasSubstr("'': not a port"), HasSubstr("a number or a string, not a list")));
}

TEST(TomlReader, RefusesWhatCannotBeAllowedAndTakesItsDenial) {
  EXPECT_THAT(MistakesIn("[net]\nallow = ['169.254.169.254', '0.0.0.0']"),
              ElementsAre(HasSubstr("metadata of a cloud machine"), HasSubstr("no address")));
  EXPECT_THAT(MistakesIn("[net]\ndeny = ['169.254.169.254', '0.0.0.0']"), IsEmpty());
}

TEST(TomlReader, ReadsLimitsAsTextAndAsNumbersThatSayWhatTheyCount) {
  const ReadPolicy read = Read(
      "[limits]\ntime = '1h30m'\ncpus = 1.5\nmemory = 1073741824\nprocesses = 64\n"
      "disk = '1.5GiB'\ninodes = '4096'\nopen_files = 'none'\nrequire_hard = ['memory']\n");
  EXPECT_THAT(read.mistakes, IsEmpty());
  EXPECT_EQ(read.document.Find("limits.cpus")->items[0].text, "1.5");
  EXPECT_EQ(read.document.Find("limits.memory")->items[0].text, "1073741824");
  EXPECT_EQ(Describe(read.document.Find("limits.processes")->items[0].origin), "ambit.toml:5:13");
  EXPECT_THAT(MistakesIn("[limits]\ncpus = 2\n"), IsEmpty());
}

TEST(TomlReader, RefusesLimitsThatAreNone) {
  EXPECT_THAT(
      MistakesIn("[limits]\ntime = 90\nidle = '5'\nmemory = 1.5\nprocesses = 2\ncpus = inf\n"
                 "disk = [1]\ninodes = -1\nrequire_hard = ['memry']\nopen_file = 5\n"),
      ElementsAre(
          "ambit.toml:2:8: limits.time: a string as '15m', not a number",
          "ambit.toml:3:8: limits.idle: '5': not a duration; write 90s, 15m, 1h30m or none",
          "ambit.toml:4:10: limits.memory: a string as '4GiB', not a number with a fraction",
          "ambit.toml:5:13: limits.processes: '2': with less than 4 a shell cannot start a "
          "command; write 4 or more, or none for no limit",
          "ambit.toml:6:8: limits.cpus: 'inf': not a number of processors; write 2, 1.5 or none",
          "ambit.toml:7:8: limits.disk: a string as '4GiB', not a list",
          "ambit.toml:8:10: limits.inodes: '-1': not a count; write a whole number or none",
          HasSubstr("limits.require_hard: 'memry': not one of time, idle"),
          "ambit.toml:10:1: unknown key 'limits.open_file'; did you mean 'limits.open_files'?"));
}

TEST(TomlReader, TakesRelativePathsOnlyFromAProject) {
  EXPECT_THAT(MistakesIn("[fs]\nro = [\"lib\"]"), IsEmpty());
  EXPECT_THAT(MistakesIn("[fs]\nro = [\"lib\"]", SourceKind::kUser),
              ElementsAre(HasSubstr("relative to no directory")));
}

TEST(TomlReader, KnowsCommandsOnlyInAPreset) {
  EXPECT_THAT(MistakesIn("commands = [\"x\"]"), ElementsAre(HasSubstr("unknown key 'commands'")));
  EXPECT_THAT(Read("commands = [\"x\"]", SourceKind::kPreset).document.commands, ElementsAre("x"));
}

TEST(TomlReader, RefusesATextThatIsTooLarge) {
  EXPECT_THAT(MistakesIn(std::string(kMaxPolicyBytes + 1, '#')), ElementsAre(HasSubstr("larger")));
}

TEST(TomlReader, RefusesAKeyThatWouldBeTooManyTables) {
  std::string key = "a";
  for (int i = 0; i < 400'000; ++i) key += ".a";
  EXPECT_THAT(MistakesIn("\n" + key + " = 1\n"),
              ElementsAre(HasSubstr("ambit.toml:2:1: a key of")));
  EXPECT_THAT(MistakesIn("\n[" + key + "]\n"), ElementsAre(HasSubstr("ambit.toml:2:1: a key of")));
}

std::string ListOf(std::size_t entries) {
  std::string list = "[";
  for (std::size_t i = 0; i < entries; ++i) list += fmt::format("\"a/{}\",\n", i);
  return list + "]";
}

TEST(TomlReader, BoundsTheEntriesOfAList) {
  EXPECT_THAT(MistakesIn("[fs]\nhide = " + ListOf(kMaxEntries)), IsEmpty());
  const auto read = Read("[fs]\nhide = " + ListOf(kMaxEntries + 1));
  ASSERT_EQ(read.mistakes.size(), 1U);
  EXPECT_EQ(
      Describe(read.mistakes[0]),
      "ambit.toml:1002:1: fs.hide: more than 1000 entries; a pattern or a directory can stand "
      "for many");
  EXPECT_TRUE(read.document.Find("fs.hide")->items.empty());
  EXPECT_THAT(
      MistakesIn("[[test]]\nfs_hidden = " + ListOf(600) + "\n[[test]]\nfs_hidden = " + ListOf(600)),
      ElementsAre(HasSubstr("ambit.toml:1004:1: test.fs_hidden: more than 1000 entries")));
  std::string names;
  std::string ports;
  for (std::size_t i = 0; i <= kMaxEntries; ++i) {
    names += fmt::format("A{} = ''\n", i);
    ports += "1,";
  }
  EXPECT_THAT(MistakesIn("[env.set]\n" + names),
              ElementsAre(HasSubstr("ambit.toml:1:1: env.set: more than 1000 entries")));
  EXPECT_THAT(MistakesIn("[net]\nhost_ports = [" + ports + "]"),
              ElementsAre(HasSubstr("net.host_ports: more than 1000 entries")));
}

TEST(TomlReader, BoundsTheLengthOfAnEntry) {
  EXPECT_THAT(MistakesIn("[fs]\nro = ['/" + std::string(kMaxEntryBytes - 1, 'a') + "']"),
              IsEmpty());
  const auto mistakes = MistakesIn("[fs]\nro = ['/" + std::string(kMaxEntryBytes, 'a') + "']");
  ASSERT_EQ(mistakes.size(), 1U);
  EXPECT_EQ(mistakes[0],
            "ambit.toml:2:7: fs.ro: an entry of more than 4096 bytes; no path is that "
            "long");
}

TEST(TomlReader, TellsNotMoreMistakesThanAPersonReads) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += fmt::format("k{} = 1\n", i);
  const auto mistakes = MistakesIn(text);
  ASSERT_EQ(mistakes.size(), kMaxMistakes + 1);
  EXPECT_THAT(mistakes[0], HasSubstr("ambit.toml:1:1: unknown key 'k0'"));
  EXPECT_THAT(mistakes.back(), HasSubstr("ambit.toml:101:1: and 4900 more mistakes"));
}

TEST(TomlReader, ShowsNoControlCharacterOfAHostileFile) {
  for (const std::string& line : MistakesIn("\"a\\u001b]52\" = 1\n")) {
    EXPECT_FALSE(line.contains('\x1b')) << line;
  }
}

}  // namespace
}  // namespace ambit::policy
