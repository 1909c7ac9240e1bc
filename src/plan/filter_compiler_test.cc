#include "plan/filter_compiler.h"

#include <gtest/gtest.h>
#include <linux/audit.h>

#include <cstring>
#include <random>

#include "plan/bpf_evaluator_for_test.h"

namespace ambit::plan {
namespace {

const std::uint32_t kHere = CallForTest(0).arch;

FilterRules EmptyRules() {
  return {.architecture = kHere,
          .first_foreign_number = 0x4000'0000,
          .unnamed = Answer::Errno(38),
          .calls = {}};
}

std::vector<sock_filter> Compiled(const FilterRules& rules) {
  auto program = CompileFilter(rules);
  EXPECT_TRUE(program) << program.error().what;
  return program ? *std::move(program) : std::vector<sock_filter>{};
}

Answer Answered(const std::vector<sock_filter>& program, const seccomp_data& call) {
  const auto ret = EvaluateBpfForTest(program, call);
  EXPECT_TRUE(ret) << ret.error().what;
  return {ret.value_or(0xdead)};
}

bool SameProgram(const std::vector<sock_filter>& a, const std::vector<sock_filter>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0;
}

TEST(FilterCompiler, KillsOtherArchitecturesBeforeLookingAtTheNumber) {
  FilterRules rules = EmptyRules();
  rules.calls[5] = {.otherwise = Answer::Allow(), .exceptions = {}};
  const auto program = Compiled(rules);
  seccomp_data call = CallForTest(5);
  EXPECT_EQ(Answered(program, call), Answer::Allow());
  for (const std::uint32_t arch : {std::uint32_t{AUDIT_ARCH_I386}, std::uint32_t{0}, kHere ^ 1}) {
    call.arch = arch;
    EXPECT_EQ(Answered(program, call), Answer::KillProcess());
  }
}

TEST(FilterCompiler, KillsForeignNumbersButNotTheSkippedCall) {
  const auto program = Compiled(EmptyRules());
  EXPECT_EQ(Answered(program, CallForTest(0x3fff'ffff)), Answer::Errno(38));
  EXPECT_EQ(Answered(program, CallForTest(0x4000'0000)), Answer::KillProcess());
  EXPECT_EQ(Answered(program, CallForTest(-2)), Answer::KillProcess());
  EXPECT_EQ(Answered(program, CallForTest(-1)), Answer::Errno(38));
}

TEST(FilterCompiler, LooksAtTheHighHalfOnlyWhereTheMaskDoes) {
  FilterRules rules = EmptyRules();
  const ArgTest narrow{.arg = 2, .mask = 0xffff'ffff, .values = {5}, .negated = false};
  const ArgTest wide{.arg = 2, .mask = ~0ULL, .values = {5, 0x5'0000'0005}, .negated = false};
  rules.calls[1] = {Answer::Allow(), {{{narrow}, Answer::Errno(1)}}};
  rules.calls[2] = {Answer::Allow(), {{{wide}, Answer::Errno(1)}}};
  const auto program = Compiled(rules);
  const auto with = [](long number, std::uint64_t arg) {
    return CallForTest(number, {0, 0, arg, 0, 0, 0});
  };
  EXPECT_EQ(Answered(program, with(1, 5)), Answer::Errno(1));
  EXPECT_EQ(Answered(program, with(1, 0x7'0000'0005)), Answer::Errno(1));
  EXPECT_EQ(Answered(program, with(1, 4)), Answer::Allow());
  EXPECT_EQ(Answered(program, with(2, 5)), Answer::Errno(1));
  EXPECT_EQ(Answered(program, with(2, 0x5'0000'0005)), Answer::Errno(1));
  EXPECT_EQ(Answered(program, with(2, 0x7'0000'0005)), Answer::Allow());
}

TEST(FilterCompiler, MergesNeighboursWithOneDecision) {
  FilterRules one = EmptyRules();
  one.calls[100] = {.otherwise = Answer::Allow(), .exceptions = {}};
  FilterRules many = EmptyRules();
  for (std::uint32_t n = 100; n < 300; ++n) {
    many.calls[n] = {.otherwise = Answer::Allow(), .exceptions = {}};
  }
  EXPECT_EQ(Compiled(one).size(), Compiled(many).size());
}

TEST(FilterCompiler, RefusesAnArgumentThatDoesNotExist) {
  FilterRules rules = EmptyRules();
  rules.calls[1] = {Answer::Allow(), {{{{.arg = 6, .mask = 1, .values = {1}}}, Answer::Errno(1)}}};
  EXPECT_EQ(CompileFilter(rules).error().code, Errc::kInvalidArgument);
}

TEST(FilterCompiler, RefusesANumberOfTheForeignAbi) {
  FilterRules rules = EmptyRules();
  rules.calls[0x4000'0001] = {.otherwise = Answer::Allow(), .exceptions = {}};
  EXPECT_EQ(CompileFilter(rules).error().code, Errc::kInvalidArgument);
}

TEST(FilterCompiler, RefusesProgramsLongerThanTheKernelTakes) {
  FilterRules rules = EmptyRules();
  for (std::uint32_t n = 0; n < 5000; ++n) {
    rules.calls[n] = {.otherwise = n % 2 == 0 ? Answer::Allow() : Answer::Errno(1),
                      .exceptions = {}};
  }
  EXPECT_EQ(CompileFilter(rules).error().code, Errc::kLimit);
}

class RandomRules {
 public:
  explicit RandomRules(unsigned seed) : random_(seed) {}

  FilterRules Make(std::uint32_t numbers) {
    FilterRules rules = EmptyRules();
    rules.unnamed = AnyAnswer();
    for (std::uint32_t n = 0; n < numbers; ++n) {
      if (Below(4) == 0) continue;
      Decision decision{.otherwise = AnyAnswer(), .exceptions = {}};
      if (Below(10) == 0) {
        for (auto e = Below(4); e > 0; --e) decision.exceptions.push_back(AnyException());
      }
      rules.calls[n] = decision;
    }
    return rules;
  }

  /// Values that rules talk about, and some beside them.
  std::uint64_t AnyValue() {
    static constexpr std::uint64_t kHalves[] = {0, 1, 2, 3, 0x80, 0xffff'ffff};
    return kHalves[Below(6)] << 32 | kHalves[Below(6)];
  }

 private:
  std::size_t Below(std::size_t end) { return random_() % end; }
  Answer AnyAnswer() { return kNamedAnswers[Below(kNamedAnswers.size())].answer; }

  Exception AnyException() {
    Exception exception{.tests = {}, .answer = AnyAnswer()};
    for (auto t = Below(3) + 1; t > 0; --t) {
      ArgTest test{.arg = static_cast<int>(Below(6)), .mask = AnyValue(), .values = {}};
      if (Below(2) == 0) test.mask = 0xffff'ffff;
      if (test.mask == 0) test.mask = ~0ULL;
      for (auto v = Below(4) + 1; v > 0; --v) test.values.push_back(AnyValue() & test.mask);
      test.negated = Below(2) == 0;
      exception.tests.push_back(test);
    }
    return exception;
  }

  std::mt19937 random_;
};

TEST(FilterCompiler, SaysWhatTheRulesSayForRandomRulesLargerThanAJump) {
  std::size_t longest = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    RandomRules random(seed);
    const std::uint32_t numbers = seed % 4 == 0 ? 500 : 60;
    const FilterRules rules = random.Make(numbers);
    const auto program = Compiled(rules);
    longest = std::max(longest, program.size());
    for (std::uint32_t n = 0; n < numbers + 5; ++n) {
      for (int round = 0; round < 30; ++round) {
        const seccomp_data call =
            CallForTest(n, {random.AnyValue(), random.AnyValue(), random.AnyValue(),
                            random.AnyValue(), random.AnyValue(), random.AnyValue()});
        ASSERT_EQ(Answered(program, call), Decide(rules, call)) << "seed " << seed << " call " << n;
      }
    }
  }
  EXPECT_GT(longest, 600U) << "no program needed a stepping stone";
}

TEST(FilterCompiler, GivesEqualProgramsForEqualRules) {
  const FilterRules rules = RandomRules(7).Make(200);
  EXPECT_TRUE(SameProgram(Compiled(rules), Compiled(FilterRules(rules))));
}

}  // namespace
}  // namespace ambit::plan
