#include "plan/bpf_evaluator_for_test.h"

#include <fmt/format.h>
#include <linux/audit.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ambit::plan {
namespace {

constexpr std::uint32_t kDataSize = sizeof(seccomp_data);

std::unexpected<Error> Malformed(std::size_t at, const sock_filter& instruction, const char* why) {
  return Fail(Errc::kInvalidArgument,
              fmt::format("bpf: instruction {} (code {:#x}): {}", at, instruction.code, why));
}

bool IsKnownOpcode(std::uint16_t code) {
  switch (code) {
    case BPF_LD | BPF_W | BPF_ABS:
    case BPF_LD | BPF_W | BPF_LEN:
    case BPF_LDX | BPF_W | BPF_LEN:
    case BPF_LD | BPF_IMM:
    case BPF_LDX | BPF_IMM:
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
    case BPF_MISC | BPF_TAX:
    case BPF_MISC | BPF_TXA:
    case BPF_RET | BPF_K:
    case BPF_RET | BPF_A:
    case BPF_ALU | BPF_NEG:
    case BPF_JMP | BPF_JA:
      return true;
    default:
      break;
  }
  const std::uint16_t op = BPF_OP(code);
  switch (BPF_CLASS(code)) {
    case BPF_ALU:
      if ((code & ~(0xf0 | BPF_X)) != BPF_ALU) return false;
      return op == BPF_ADD || op == BPF_SUB || op == BPF_MUL || op == BPF_DIV || op == BPF_AND ||
             op == BPF_OR || op == BPF_XOR || op == BPF_LSH || op == BPF_RSH;
    case BPF_JMP:
      if ((code & ~(0xf0 | BPF_X)) != BPF_JMP) return false;
      return op == BPF_JEQ || op == BPF_JGE || op == BPF_JGT || op == BPF_JSET;
    default:
      return false;
  }
}

Status CheckInstruction(std::span<const sock_filter> program, std::size_t at) {
  const sock_filter& in = program[at];
  if (!IsKnownOpcode(in.code)) return Malformed(at, in, "not an instruction of seccomp");
  const std::size_t left = program.size() - at - 1;
  switch (BPF_CLASS(in.code)) {
    case BPF_LD:
      if (BPF_MODE(in.code) == BPF_ABS && (in.k >= kDataSize || in.k % 4 != 0)) {
        return Malformed(at, in, "load outside of seccomp_data");
      }
      [[fallthrough]];
    case BPF_LDX:
      if (BPF_MODE(in.code) == BPF_MEM && in.k >= BPF_MEMWORDS) {
        return Malformed(at, in, "no such scratch cell");
      }
      break;
    case BPF_ST:
    case BPF_STX:
      if (in.k >= BPF_MEMWORDS) return Malformed(at, in, "no such scratch cell");
      break;
    case BPF_ALU:
      if (in.code == (BPF_ALU | BPF_DIV | BPF_K) && in.k == 0) {
        return Malformed(at, in, "division by zero");
      }
      if ((in.code == (BPF_ALU | BPF_LSH | BPF_K) || in.code == (BPF_ALU | BPF_RSH | BPF_K)) &&
          in.k >= 32) {
        return Malformed(at, in, "shift by 32 or more");
      }
      break;
    case BPF_JMP:
      if (BPF_OP(in.code) == BPF_JA ? in.k >= left : in.jt >= left || in.jf >= left) {
        return Malformed(at, in, "jump out of the program");
      }
      break;
    default:
      break;
  }
  if (left == 0 && BPF_CLASS(in.code) != BPF_RET) return Malformed(at, in, "last, and no return");
  return {};
}

/// A division by a zero X register ends the program with 0, as bpf_convert_filter makes it.
struct Machine {
  std::uint32_t a = 0;
  std::uint32_t x = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> cells{};

  bool Compute(std::uint16_t op, std::uint32_t with) {
    switch (op) {
      case BPF_ADD:
        a += with;
        break;
      case BPF_SUB:
        a -= with;
        break;
      case BPF_MUL:
        a *= with;
        break;
      case BPF_DIV:
        if (with == 0) return false;
        a /= with;
        break;
      case BPF_AND:
        a &= with;
        break;
      case BPF_OR:
        a |= with;
        break;
      case BPF_XOR:
        a ^= with;
        break;
      case BPF_LSH:
        a <<= with & 31;
        break;
      case BPF_RSH:
        a >>= with & 31;
        break;
      default:
        a = 0U - a;
        break;
    }
    return true;
  }

  [[nodiscard]] bool Compare(std::uint16_t op, std::uint32_t with) const {
    switch (op) {
      case BPF_JEQ:
        return a == with;
      case BPF_JGE:
        return a >= with;
      case BPF_JGT:
        return a > with;
      default:
        return (a & with) != 0;
    }
  }

  [[nodiscard]] std::uint32_t Loaded(const sock_filter& in, const seccomp_data& call) const {
    switch (BPF_MODE(in.code)) {
      case BPF_ABS: {
        std::uint32_t word = 0;
        std::memcpy(&word, reinterpret_cast<const char*>(&call) + in.k, sizeof word);
        return word;
      }
      case BPF_LEN:
        return kDataSize;
      case BPF_MEM:
        return cells[in.k];
      default:
        return in.k;
    }
  }
};

}  // namespace

seccomp_data CallForTest(long number, std::array<std::uint64_t, 6> args) {
#if defined(__x86_64__)
  constexpr std::uint32_t kHere = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
  constexpr std::uint32_t kHere = AUDIT_ARCH_AARCH64;
#endif
  seccomp_data call{};
  call.nr = static_cast<int>(number);
  call.arch = kHere;
  std::ranges::copy(args, call.args);
  return call;
}

Status CheckBpfForTest(std::span<const sock_filter> program) {
  if (program.empty() || program.size() > BPF_MAXINSNS) {
    return Fail(Errc::kInvalidArgument, fmt::format("bpf: {} instructions", program.size()));
  }
  for (std::size_t at = 0; at < program.size(); ++at) AMBIT_CHECK(CheckInstruction(program, at));
  return {};
}

Result<BpfTraceForTest> TraceBpfForTest(std::span<const sock_filter> program,
                                        const seccomp_data& call) {
  AMBIT_CHECK(CheckBpfForTest(program));
  return RunCheckedBpfForTest(program, call);
}

BpfTraceForTest RunCheckedBpfForTest(std::span<const sock_filter> program,
                                     const seccomp_data& call) {
  Machine machine;
  int steps = 0;
  for (std::size_t at = 0;; ++at) {
    const sock_filter& in = program[at];
    ++steps;
    const std::uint32_t operand = BPF_SRC(in.code) == BPF_X ? machine.x : in.k;
    switch (BPF_CLASS(in.code)) {
      case BPF_LD:
        machine.a = machine.Loaded(in, call);
        break;
      case BPF_LDX:
        machine.x = machine.Loaded(in, call);
        break;
      case BPF_ST:
        machine.cells[in.k] = machine.a;
        break;
      case BPF_STX:
        machine.cells[in.k] = machine.x;
        break;
      case BPF_ALU:
        if (!machine.Compute(BPF_OP(in.code), operand)) return BpfTraceForTest{0, steps};
        break;
      case BPF_JMP:
        if (BPF_OP(in.code) == BPF_JA) {
          at += in.k;
        } else {
          at += machine.Compare(BPF_OP(in.code), operand) ? in.jt : in.jf;
        }
        break;
      case BPF_RET:
        return BpfTraceForTest{BPF_RVAL(in.code) == BPF_A ? machine.a : in.k, steps};
      default:
        (in.code == (BPF_MISC | BPF_TAX) ? machine.x : machine.a) =
            in.code == (BPF_MISC | BPF_TAX) ? machine.a : machine.x;
        break;
    }
  }
}

Result<std::uint32_t> EvaluateBpfForTest(std::span<const sock_filter> program,
                                         const seccomp_data& call) {
  AMBIT_TRY(const BpfTraceForTest trace, TraceBpfForTest(program, call));
  return trace.ret;
}

}  // namespace ambit::plan
