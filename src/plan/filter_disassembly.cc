#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <vector>

#include "plan/filter.h"
#include "plan/filter_rules.h"

namespace ambit::plan {
namespace {

/// What the accumulator holds before an instruction: decides how its operand reads.
enum class Held : std::uint8_t { kUnreached, kMixed, kArchitecture, kNumber };

Held Join(Held known, Held incoming) {
  if (known == Held::kUnreached || known == incoming) return incoming;
  return Held::kMixed;
}

Held HeldAfter(const sock_filter& in, Held before) {
  if (BPF_CLASS(in.code) == BPF_JMP) return before;
  if (in.code != (BPF_LD | BPF_W | BPF_ABS)) return Held::kMixed;
  if (in.k == offsetof(seccomp_data, nr)) return Held::kNumber;
  return in.k == offsetof(seccomp_data, arch) ? Held::kArchitecture : Held::kMixed;
}

/// Jumps go forward only, so one pass in order settles every instruction.
std::vector<Held> HeldBeforeEach(std::span<const sock_filter> program) {
  std::vector<Held> held(program.size() + 256, Held::kUnreached);
  if (!program.empty()) held[0] = Held::kMixed;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& in = program[at];
    const Held after = HeldAfter(in, held[at]);
    const auto flow_to = [&](std::size_t target) {
      if (target < held.size()) held[target] = Join(held[target], after);
    };
    if (BPF_CLASS(in.code) == BPF_RET) continue;
    if (in.code == (BPF_JMP | BPF_JA)) {
      flow_to(at + 1 + in.k);
    } else {
      flow_to(at + 1 + in.jt);
      if (BPF_CLASS(in.code) == BPF_JMP) flow_to(at + 1 + in.jf);
    }
  }
  return held;
}

std::string Operand(std::uint32_t k, Held held) {
  if (held == Held::kArchitecture && k == AUDIT_ARCH_X86_64) return "x86_64";
  if (held == Held::kArchitecture && k == AUDIT_ARCH_AARCH64) return "aarch64";
  if (held == Held::kNumber) {
    if (const auto name = SystemCallName(k)) return fmt::format("{} {}", k, *name);
    if (k < 0x10000) return fmt::format("{}", k);
  }
  return fmt::format("{:#x}", k);
}

std::string Word(std::uint32_t offset) {
  constexpr auto kFirst = static_cast<std::uint32_t>(offsetof(seccomp_data, args));
  if (offset == offsetof(seccomp_data, nr)) return "number";
  if (offset == offsetof(seccomp_data, arch)) return "architecture";
  if (offset < kFirst) return fmt::format("word at {}", offset);
  constexpr bool kLittle = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  const bool low = ((offset - kFirst) % 8 == 0) == kLittle;
  return fmt::format("argument {} {}", (offset - kFirst) / 8, low ? "low" : "high");
}

std::string AnswerText(std::uint32_t ret) {
  for (const NamedAnswer& named : kNamedAnswers) {
    if (named.answer.ret == ret) return std::string(named.name);
  }
  return fmt::format("{:#010x}", ret);
}

std::string Instruction(const sock_filter& in, std::size_t at, Held held) {
  const auto branch = [&](std::string_view comparison) {
    return fmt::format("if {} {} then {} else {}", comparison, Operand(in.k, held), at + 1 + in.jt,
                       at + 1 + in.jf);
  };
  switch (in.code) {
    case BPF_LD | BPF_W | BPF_ABS:
      return "load " + Word(in.k);
    case BPF_ALU | BPF_AND | BPF_K:
      return fmt::format("and {:#x}", in.k);
    case BPF_JMP | BPF_JA:
      return fmt::format("go to {}", at + 1 + in.k);
    case BPF_JMP | BPF_JEQ | BPF_K:
      return branch("=");
    case BPF_JMP | BPF_JGE | BPF_K:
      return branch(">=");
    case BPF_JMP | BPF_JSET | BPF_K:
      return branch("has");
    case BPF_RET | BPF_K:
      return AnswerText(in.k);
    default:
      return fmt::format("code {:#x} jt {} jf {} k {:#x}", in.code, in.jt, in.jf, in.k);
  }
}

}  // namespace

std::string Disassemble(std::span<const sock_filter> program) {
  const std::vector<Held> held = HeldBeforeEach(program);
  std::string text;
  for (std::size_t at = 0; at < program.size(); ++at) {
    text += fmt::format("{:4}  {}\n", at, Instruction(program[at], at, held[at]));
  }
  return text;
}

}  // namespace ambit::plan
