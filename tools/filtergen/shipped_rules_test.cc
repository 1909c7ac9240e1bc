// data/syscalls.toml itself: complete, and the compiled filters say what it says.
#include <gtest/gtest.h>
#include <seccomp.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <span>

#include "plan/bpf_evaluator_for_test.h"
#include "plan/filter.h"
#include "plan/filter_compiler.h"

#include "rules_file.h"

namespace ambit::filtergen {
namespace {

RulesFile ShippedFor(std::string_view architecture) {
  auto rules = ReadRules(AMBIT_SYSCALLS_TOML, *ArchitectureNamed(architecture));
  EXPECT_TRUE(rules) << rules.error().what;
  return rules ? *std::move(rules) : RulesFile{};
}

constexpr std::uint64_t kAboveAnInt = std::uint64_t{1} << 40;

/// Every value an exception talks about, its neighbours, and noise above 32 bits.
std::vector<std::uint64_t> InterestingValues(const plan::FilterRules& rules) {
  std::vector<std::uint64_t> values = {0, 1, ~std::uint64_t{0}, 0xffff'ffff, kAboveAnInt};
  for (const auto& [number, decision] : rules.calls) {
    for (const auto& exception : decision.exceptions) {
      for (const auto& test : exception.tests) {
        values.push_back(test.mask);
        values.push_back(~test.mask);
        for (const std::uint64_t value : test.values) {
          values.insert(values.end(), {value, value + 1, value | 0x100, value | kAboveAnInt});
        }
      }
    }
  }
  return values;
}

void ExpectProgramSaysWhatRulesSay(std::span<const sock_filter> program,
                                   const plan::FilterRules& rules) {
  const auto accepted = plan::CheckBpfForTest(program);
  ASSERT_TRUE(accepted) << accepted.error().what;
  const auto values = InterestingValues(rules);
  std::mt19937 random(1);
  const auto any_value = [&] { return values[random() % values.size()]; };
  const auto compare = [&](long number, int rounds) {
    for (int round = 0; round < rounds; ++round) {
      seccomp_data call = plan::CallForTest(
          number, {any_value(), any_value(), any_value(), any_value(), any_value(), any_value()});
      call.arch = rules.architecture;
      ASSERT_EQ(plan::RunCheckedBpfForTest(program, call).ret, plan::Decide(rules, call).ret)
          << "call " << number;
    }
  };
  for (long number = 0; number <= 600; ++number) compare(number, 20);
  for (const auto& [number, decision] : rules.calls) {
    if (!decision.exceptions.empty()) compare(number, 20000);
  }
  for (const long number : {-1L, -2L, 0x3fffffffL, 0x40000000L, 0x40000001L, 0x7fffffffL}) {
    compare(number, 5);
  }
}

constexpr std::array kEveryTold = {plan::Told::kNothing, plan::Told::kRenames, plan::Told::kWrites,
                                   plan::Told::kOpens};

TEST(ShippedRules, AreWhatTheBuiltInProgramsSay) {
  const RulesFile shipped = ShippedFor(AMBIT_ARCHITECTURE);
  for (const plan::Told told : kEveryTold) {
    ExpectProgramSaysWhatRulesSay(plan::AgentFilter(told), plan::ForRun(shipped.agent, told));
  }
  ExpectProgramSaysWhatRulesSay(plan::EgressFilter(), shipped.egress);
}

TEST(ShippedRules, CompileForEveryArchitectureInTwoHundredInstructions) {
  for (const std::string_view architecture : {"x86_64", "aarch64"}) {
    const RulesFile shipped = ShippedFor(architecture);
    std::vector<plan::FilterRules> all = {shipped.egress};
    for (const plan::Told told : kEveryTold) all.push_back(plan::ForRun(shipped.agent, told));
    for (const plan::FilterRules& rules : all) {
      const auto program = plan::CompileFilter(rules);
      ASSERT_TRUE(program) << program.error().what;
      EXPECT_LE(program->size(), 200U) << architecture;
      ExpectProgramSaysWhatRulesSay(*program, rules);
    }
  }
}

TEST(ShippedRules, DecideEveryCallThatLibseccompKnows) {
  for (const std::string_view name : {"x86_64", "aarch64"}) {
    const Architecture architecture = *ArchitectureNamed(name);
    const RulesFile shipped = ShippedFor(name);
    int known = 0;
    for (int number = 0; number < 512; ++number) {
      const std::unique_ptr<char, decltype(&std::free)> call(
          seccomp_syscall_resolve_num_arch(architecture.audit_token, number), &std::free);
      if (!call) continue;
      ++known;
      EXPECT_TRUE(shipped.agent.calls.contains(static_cast<std::uint32_t>(number)))
          << name << ": no rule decides " << call.get();
    }
    EXPECT_GT(known, 300) << name;
  }
}

TEST(ShippedRules, AllowTheRelayNothingTheAgentIsRefused) {
  const RulesFile shipped = ShippedFor(AMBIT_ARCHITECTURE);
  for (const auto& [number, decision] : shipped.egress.calls) {
    const auto agent = shipped.agent.calls.find(number);
    ASSERT_NE(agent, shipped.agent.calls.end()) << number;
    EXPECT_EQ(plan::ForRun(shipped.agent, plan::Told::kNothing).calls.at(number).otherwise,
              plan::Answer::Allow())
        << shipped.names.at(number);
  }
}

TEST(ShippedRules, TellNobodyOfWhatTheRelayDoes) {
  // Its filter has no listener: a call that notifies would fail with ENOSYS.
  const RulesFile shipped = ShippedFor(AMBIT_ARCHITECTURE);
  EXPECT_EQ(shipped.egress, plan::ForRun(shipped.egress, plan::Told::kNothing));
  EXPECT_NE(shipped.agent, plan::ForRun(shipped.agent, plan::Told::kNothing));
}

}  // namespace
}  // namespace ambit::filtergen
