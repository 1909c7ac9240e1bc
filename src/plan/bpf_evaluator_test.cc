#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "plan/bpf_evaluator_for_test.h"

namespace ambit::plan {
namespace {

constexpr sock_filter kReturnA = BPF_STMT(BPF_RET | BPF_A, 0);

std::uint32_t RunOn(const std::vector<sock_filter>& program, const seccomp_data& call = {}) {
  const auto ret = EvaluateBpfForTest(program, call);
  EXPECT_TRUE(ret) << ret.error().what;
  return ret.value_or(0xdead);
}

TEST(BpfEvaluator, LoadsEveryWordOfTheCall) {
  seccomp_data call{.nr = 7, .arch = 8, .instruction_pointer = 0, .args = {}};
  call.args[5] = 0x11112222'33334444;
  EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)), kReturnA}, call),
            7U);
  EXPECT_EQ(
      RunOn({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)), kReturnA}, call),
      8U);
  EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 56), kReturnA}, call), 0x33334444U);
  EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), kReturnA}, call), 0x11112222U);
  EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), kReturnA}), sizeof(seccomp_data));
}

TEST(BpfEvaluator, ComputesWithConstantsAndWithX) {
  struct Case {
    int op;
    std::uint32_t result;  // of 12 op 5
  };
  for (const auto& [op, result] :
       {Case{BPF_ADD, 17}, Case{BPF_SUB, 7}, Case{BPF_MUL, 60}, Case{BPF_DIV, 2}, Case{BPF_AND, 4},
        Case{BPF_OR, 13}, Case{BPF_XOR, 9}, Case{BPF_LSH, 384}, Case{BPF_RSH, 0}}) {
    const auto with_k = static_cast<std::uint16_t>(BPF_ALU | BPF_K | op);
    const auto with_x = static_cast<std::uint16_t>(BPF_ALU | BPF_X | op);
    EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_IMM, 12), BPF_STMT(with_k, 5), kReturnA}), result) << op;
    EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_IMM, 12), BPF_STMT(BPF_LDX | BPF_IMM, 5),
                     BPF_STMT(with_x, 0), kReturnA}),
              result)
        << op;
  }
  EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_IMM, 1), BPF_STMT(BPF_ALU | BPF_NEG, 0), kReturnA}),
            0xffffffffU);
}

TEST(BpfEvaluator, MovesThroughRegistersAndScratchCells) {
  EXPECT_EQ(
      RunOn({BPF_STMT(BPF_LD | BPF_IMM, 9), BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LD | BPF_IMM, 0),
             BPF_STMT(BPF_LDX | BPF_MEM, 15), BPF_STMT(BPF_MISC | BPF_TXA, 0), kReturnA}),
      9U);
  EXPECT_EQ(RunOn({BPF_STMT(BPF_LD | BPF_IMM, 4), BPF_STMT(BPF_MISC | BPF_TAX, 0),
                   BPF_STMT(BPF_STX, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), kReturnA}),
            4U);
}

TEST(BpfEvaluator, TakesEachBranchOfEachComparison) {
  struct Case {
    int op;
    std::uint32_t held;
    bool taken;  // against 6
  };
  for (const auto& [op, held, taken] :
       {Case{BPF_JEQ, 6, true}, Case{BPF_JEQ, 7, false}, Case{BPF_JGE, 6, true},
        Case{BPF_JGE, 5, false}, Case{BPF_JGT, 7, true}, Case{BPF_JGT, 6, false},
        Case{BPF_JSET, 2, true}, Case{BPF_JSET, 9, false}}) {
    const auto code = static_cast<std::uint16_t>(BPF_JMP | BPF_K | op);
    const std::uint32_t ret = RunOn({BPF_STMT(BPF_LD | BPF_IMM, held), BPF_JUMP(code, 6, 1, 0),
                                     BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 1)});
    EXPECT_EQ(ret == 1, taken) << op << " with " << held;
  }
  EXPECT_EQ(RunOn({BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 0),
                   BPF_STMT(BPF_RET | BPF_K, 2)}),
            2U);
}

TEST(BpfEvaluator, RefusesWhatTheKernelRefuses) {
  const sock_filter ret = BPF_STMT(BPF_RET | BPF_K, 0);
  const std::vector<std::vector<sock_filter>> malformed = {
      {},
      std::vector<sock_filter>(BPF_MAXINSNS + 1, ret),
      {BPF_STMT(BPF_LD | BPF_IMM, 0)},
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(seccomp_data)), ret},
      {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ret},
      {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), ret},
      {BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ret},
      {BPF_STMT(BPF_ST, 16), ret},
      {BPF_STMT(BPF_LD | BPF_MEM, 16), ret},
      {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ret},
      {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ret},
      {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ret},
      {BPF_STMT(BPF_JMP | BPF_JA, 1), ret},
      {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), ret},
      {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ret},
      {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), ret},
      {sock_filter{.code = 0xffff, .jt = 0, .jf = 0, .k = 0}, ret},
  };
  for (std::size_t i = 0; i < malformed.size(); ++i) {
    const auto refused = EvaluateBpfForTest(malformed[i], {});
    ASSERT_FALSE(refused) << "program " << i;
    EXPECT_EQ(refused.error().code, Errc::kInvalidArgument);
  }
  EXPECT_TRUE(CheckBpfForTest(std::vector{ret}));
}

TEST(BpfEvaluator, NamesTheFirstRefusedInstruction) {
  const auto refused = CheckBpfForTest(
      std::vector<sock_filter>{BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_ST, 99), kReturnA});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().what, testing::HasSubstr("instruction 1 "));
}

TEST(BpfEvaluator, CountsSteps) {
  const auto trace =
      TraceBpfForTest(std::vector<sock_filter>{BPF_STMT(BPF_LD | BPF_IMM, 5), kReturnA}, {});
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->steps, 2);
  EXPECT_EQ(trace->ret, 5U);
}

}  // namespace
}  // namespace ambit::plan
