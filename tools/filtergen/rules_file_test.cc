#include "rules_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <string>

namespace ambit::filtergen {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const Architecture kX86 = *ArchitectureNamed("x86_64");
const Architecture kArm = *ArchitectureNamed("aarch64");

constexpr std::string_view kHead = R"([newer.every_architecture]
mseal = { number = 462, since = "6.10" }
[newer.x86_64]
uretprobe = { number = 335, since = "6.11" }
[constant]
SIX = 6
)";
constexpr std::string_view kTail = R"(
[egress]
unnamed = "EPERM"
[[egress.rule]]
name = "end"
answer = "allow"
reason = "ends"
syscalls = ["exit_group"]
)";

/// The agent's table is `agent`; its first line is line 7 of the file.
Result<RulesFile> Parse(const std::string& agent, const Architecture& architecture = kX86) {
  return ParseRules(std::string(kHead) + agent + std::string(kTail), "r.toml", architecture);
}

std::string MistakeIn(const std::string& agent) {
  const auto parsed = Parse(agent);
  return parsed ? "no mistake found" : parsed.error().what;
}

/// A rule on read(2) with one exception whose test is `test`, on line 16.
std::string WithTest(const std::string& test) {
  return "[agent]\nunnamed = \"ENOSYS\"\n[[agent.rule]]\nname = \"n\"\nanswer = \"allow\"\n"
         "reason = \"r\"\nsyscalls = [\"read\"]\n[[agent.rule.unless]]\nanswer = \"EPERM\"\n"
         "reason = \"r\"\nwhen = [" +
         test + "]\n";
}

plan::ArgTest ParsedTest(const std::string& test) {
  const auto parsed = Parse(WithTest(test));
  EXPECT_TRUE(parsed) << parsed.error().what;
  return parsed ? parsed->agent.calls.at(SYS_read).exceptions.at(0).tests.at(0) : plan::ArgTest{};
}

TEST(RulesFile, ResolvesNamesWithLibseccompAndTheNewerTable) {
  const auto parsed = Parse(R"([agent]
unnamed = "ENOSYS"
[[agent.rule]]
name = "n"
answer = "kill"
reason = "r"
syscalls = ["openat", "mseal", "uretprobe"]
)");
  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_EQ(parsed->agent.unnamed, plan::Answer::Errno(38));
  EXPECT_THAT(parsed->agent.calls, testing::SizeIs(3));
  EXPECT_EQ(parsed->agent.calls.at(SYS_openat).otherwise, plan::Answer::KillProcess());
  EXPECT_TRUE(parsed->agent.calls.contains(462));
  EXPECT_TRUE(parsed->agent.calls.contains(335));
  EXPECT_EQ(parsed->names.at(462), "mseal");
  EXPECT_EQ(parsed->agent.first_foreign_number, 0x4000'0000U);
}

TEST(RulesFile, LeavesOutWhatAnArchitectureLacks) {
  const auto parsed = Parse(R"([agent]
unnamed = "ENOSYS"
[[agent.rule]]
name = "n"
answer = "allow"
reason = "r"
syscalls = ["open", "openat", "mseal", "uretprobe"]
)",
                            kArm);
  ASSERT_TRUE(parsed) << parsed.error().what;
  EXPECT_THAT(parsed->agent.calls, testing::SizeIs(2));
  EXPECT_EQ(parsed->names.at(56), "openat");
  EXPECT_EQ(parsed->agent.first_foreign_number, 0U);
}

TEST(RulesFile, TranslatesEachKindOfTest) {
  EXPECT_EQ(ParsedTest("{ arg = 1, width = 32, is = [9, \"SIX\", 9] }"),
            (plan::ArgTest{.arg = 1, .mask = 0xffffffff, .values = {6, 9}, .negated = false}));
  EXPECT_EQ(ParsedTest("{ arg = 2, width = 32, mask = 0xf, is_not = [\"SIX\"] }"),
            (plan::ArgTest{.arg = 2, .mask = 0xf, .values = {6}, .negated = true}));
  EXPECT_EQ(ParsedTest("{ arg = 0, width = 32, any_bits = [1, \"SIX\"] }"),
            (plan::ArgTest{.arg = 0, .mask = 7, .values = {0}, .negated = true}));
  EXPECT_EQ(ParsedTest("{ arg = 0, width = 64, other_bits_than = [\"SIX\"] }"),
            (plan::ArgTest{.arg = 0, .mask = ~6ULL, .values = {0}, .negated = true}));
}

TEST(RulesFile, NamesPlaceAndMistake) {
  const std::string rule = "[agent]\nunnamed = \"ENOSYS\"\n[[agent.rule]]\nname = \"n\"\n";
  const std::string whole = rule + "answer = \"allow\"\nreason = \"r\"\n";
  EXPECT_EQ(MistakeIn(rule + "answer = \"allow\"\nsyscalls = [\"read\"]\n"),
            "r.toml:9:1: 'reason' is missing");
  EXPECT_EQ(MistakeIn(rule + "answer = \"allow\"\nreason = \"  \"\nsyscalls = [\"read\"]\n"),
            "r.toml:12:10: 'reason' is blank");
  EXPECT_EQ(MistakeIn(whole + "syscalls = [\"read\", \"write\", \"read\"]\n"),
            "r.toml:13:30: 'read' is named twice in this filter");
  EXPECT_EQ(MistakeIn(whole + "syscalls = [\"read\"]\n[[agent.rule]]\nname = \"m\"\n"
                              "answer = \"EPERM\"\nreason = \"r\"\nsyscalls = [\n  \"read\",\n]\n"),
            "r.toml:19:3: 'read' is named twice in this filter");
  EXPECT_EQ(MistakeIn(whole + "syscalls = [\"raed\"]\n"),
            "r.toml:13:13: unknown system call 'raed'");
  EXPECT_EQ(MistakeIn(whole + "syscalls = [3]\n"),
            "r.toml:13:13: the name of a system call belongs here");
  EXPECT_EQ(MistakeIn(rule + "answer = \"EWHAT\"\nreason = \"r\"\nsyscalls = [\"read\"]\n"),
            "r.toml:11:10: unknown answer 'EWHAT'");
  EXPECT_EQ(MistakeIn(whole + "syscals = [\"read\"]\n"), "r.toml:13:1: unknown key 'syscals'");
  EXPECT_EQ(MistakeIn("[agent]\nunnamed = \"ENOSYS\"\n"), "r.toml:7:1: no rule");
  EXPECT_THAT(MistakeIn("[agent\n"), StartsWith("r.toml:7:"));
}

TEST(RulesFile, RefusesAnExceptionWithoutAReasonOrATest) {
  std::string no_reason = WithTest("{ arg = 0, width = 32, is = [1] }");
  no_reason.erase(no_reason.rfind("reason = \"r\"\n"), 13);
  EXPECT_EQ(MistakeIn(no_reason), "r.toml:14:1: 'reason' is missing");
  EXPECT_EQ(MistakeIn(WithTest("")), "r.toml:14:1: an exception needs a test in 'when'");
}

TEST(RulesFile, RefusesTestsThatCannotMeanWhatTheySay) {
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 6, width = 32, is = [1] }")),
              StartsWith("r.toml:17:17: arguments are numbered"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 16, is = [1] }")), HasSubstr("32 or 64"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32 }")), HasSubstr("a test needs"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, is = [1], is_not = [2] }")),
              HasSubstr("not both"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, is = [] }")), HasSubstr("'is' is empty"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, is = [0x100000000] }")),
              HasSubstr("wider than the argument"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, is = [\"SEVEN\"] }")),
              HasSubstr("unknown constant 'SEVEN'"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, is = [-1] }")), HasSubstr("a number or"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, mask = 3, is = [4] }")),
              HasSubstr("outside of the mask"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, mask = 3, any_bits = [1] }")),
              HasSubstr("takes no mask"));
  EXPECT_THAT(MistakeIn(WithTest("{ arg = 0, width = 32, any_bits = [0] }")),
              HasSubstr("looks at no bit"));
}

TEST(RulesFile, RefusesANewerNumberThatLibseccompContradicts) {
  const auto parsed = ParseRules(
      "[newer.every_architecture]\nread = { number = 462, since = \"6.10\" }\n[constant]\n",
      "r.toml", kX86);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().what, "r.toml:2:8: 'read' is not number 462 here");
}

TEST(RulesFile, RefusesArchitecturesNobodyHasLookedAt) {
  EXPECT_EQ(ArchitectureNamed("riscv64").error().code, Errc::kUnsupported);
}

TEST(RulesFile, SaysWhichFileCannotBeRead) {
  const auto read = ReadRules("/nonexistent/r.toml", kX86);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kNotFound);
  EXPECT_THAT(read.error().what, HasSubstr("'/nonexistent/r.toml'"));
}

}  // namespace
}  // namespace ambit::filtergen
