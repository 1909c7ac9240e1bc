#pragma once
// Runs a seccomp program in user space, as the kernel would: for tests alone.
//
// Knows every instruction that seccomp_check_filter (kernel/seccomp.c, 6.1) admits and refuses
// what the kernel refuses: other opcodes, jumps out of the program, a last instruction that does
// not return, scratch cells above 15, constant division by zero and shifts of 32 and more, loads
// that are not an aligned word of seccomp_data. (One refusal is left out: scratch cells read before
// they are written; here they hold 0. No program of ours uses them.)
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <span>

#include "base/error.h"

namespace ambit::plan {

/// kInvalidArgument names the first instruction that the kernel would refuse.
Status CheckBpfForTest(std::span<const sock_filter> program);

/// The program's SECCOMP_RET_* value for `call`. Errors: those of CheckBpfForTest.
Result<std::uint32_t> EvaluateBpfForTest(std::span<const sock_filter> program,
                                         const seccomp_data& call);

/// A call on the architecture this test was built for.
seccomp_data CallForTest(long number, std::array<std::uint64_t, 6> args = {});

/// As EvaluateBpfForTest, with the number of instructions executed.
struct BpfTraceForTest {
  std::uint32_t ret = 0;
  int steps = 0;
};
Result<BpfTraceForTest> TraceBpfForTest(std::span<const sock_filter> program,
                                        const seccomp_data& call);

/// The same of a program that has passed CheckBpfForTest: for very many calls of one program.
BpfTraceForTest RunCheckedBpfForTest(std::span<const sock_filter> program,
                                     const seccomp_data& call);

}  // namespace ambit::plan
