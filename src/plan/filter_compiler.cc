#include "plan/filter_compiler.h"

#include <fmt/format.h>

#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "plan/filter_program_builder.h"

namespace ambit::plan {
namespace {

using Label = FilterProgramBuilder::Label;

constexpr std::uint32_t kArchOffset = offsetof(seccomp_data, arch);
constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr std::uint32_t kLastNumber = std::numeric_limits<std::uint32_t>::max();

std::uint32_t LowHalf(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t HighHalf(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

// seccomp_data holds arguments in the machine's byte order.
std::uint32_t LowOffset(int arg) {
  constexpr bool kLittle = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args)) +
         static_cast<std::uint32_t>(arg) * 8 + (kLittle ? 0 : 4);
}
std::uint32_t HighOffset(int arg) { return LowOffset(arg) ^ 4; }

// Everything below emits backwards: what comes later in the program is emitted first.

/// Goes to `yes` when the half word at `offset`, masked, equals one of `values`.
Label EmitHalf(FilterProgramBuilder& out, std::uint32_t offset, std::uint32_t mask,
               std::span<const std::uint32_t> values, Label yes, Label no) {
  if (values.size() == 1 && values[0] == 0 && mask != kLastNumber) {
    return out.Load(offset, out.IfAnyBit(mask, no, yes));
  }
  Label next = no;
  for (std::size_t i = values.size(); i-- > 0;) next = out.IfEqual(values[i], yes, next);
  if (mask != kLastNumber) next = out.And(mask, next);
  return out.Load(offset, next);
}

Label EmitTest(FilterProgramBuilder& out, const ArgTest& test, Label yes, Label no) {
  if (test.negated) std::swap(yes, no);
  std::map<std::uint32_t, std::vector<std::uint32_t>> low_by_high;
  for (const std::uint64_t value : test.values) {
    low_by_high[HighHalf(value)].push_back(LowHalf(value));
  }
  Label next = no;
  for (auto group = low_by_high.rbegin(); group != low_by_high.rend(); ++group) {
    const auto& [high, lows] = *group;
    Label entry = yes;
    if (LowHalf(test.mask) != 0) {
      entry = EmitHalf(out, LowOffset(test.arg), LowHalf(test.mask), lows, yes, next);
    }
    if (HighHalf(test.mask) != 0) {
      const std::uint32_t highs[] = {high};
      entry = EmitHalf(out, HighOffset(test.arg), HighHalf(test.mask), highs, entry, next);
    }
    next = entry;
  }
  return next;
}

Label EmitDecision(FilterProgramBuilder& out, const Decision& decision) {
  Label next = out.Return(decision.otherwise.ret);
  for (std::size_t i = decision.exceptions.size(); i-- > 0;) {
    const Exception& exception = decision.exceptions[i];
    Label entry = out.Return(exception.answer.ret);
    for (std::size_t t = exception.tests.size(); t-- > 0;) {
      entry = EmitTest(out, exception.tests[t], entry, next);
    }
    next = entry;
  }
  return next;
}

struct Range {
  std::uint32_t first;
  Label leaf;
};

/// Every number from 0 to 0xffffffff, as few ranges as the decisions allow.
std::vector<Range> RangesOf(FilterProgramBuilder& out, const FilterRules& rules) {
  std::map<Decision, Label> leaf_of;
  const auto leaf = [&](const Decision& decision) {
    const auto known = leaf_of.find(decision);
    if (known != leaf_of.end()) return known->second;
    return leaf_of.emplace(decision, EmitDecision(out, decision)).first->second;
  };

  std::vector<Range> ranges;
  const auto append = [&](std::uint32_t first, Label target) {
    if (ranges.empty() || ranges.back().leaf != target) ranges.push_back({first, target});
  };
  const Decision unnamed{.otherwise = rules.unnamed, .exceptions = {}};
  std::uint32_t next_number = 0;
  for (const auto& [number, decision] : rules.calls) {
    if (number > next_number) append(next_number, leaf(unnamed));
    append(number, leaf(decision));
    next_number = number + 1;
  }
  append(next_number, leaf(unnamed));
  if (rules.first_foreign_number != 0) {
    append(rules.first_foreign_number, out.Return(SECCOMP_RET_KILL_PROCESS));
    append(kLastNumber, leaf(unnamed));
  }
  return ranges;
}

Label EmitSearch(FilterProgramBuilder& out, std::span<const Range> ranges) {
  if (ranges.size() == 1) return ranges[0].leaf;
  const std::size_t middle = ranges.size() / 2;
  const Label above = EmitSearch(out, ranges.subspan(middle));
  const Label below = EmitSearch(out, ranges.first(middle));
  return out.IfAtLeast(ranges[middle].first, above, below);
}

Status CheckRules(const FilterRules& rules) {
  const std::uint32_t end =
      rules.first_foreign_number != 0 ? rules.first_foreign_number : kLastNumber;
  for (const auto& [number, decision] : rules.calls) {
    if (number >= end) {
      return Fail(Errc::kInvalidArgument, fmt::format("filter: no system call {} here", number));
    }
    for (const Exception& exception : decision.exceptions) {
      for (const ArgTest& test : exception.tests) {
        if (test.arg >= 0 && test.arg < 6) continue;
        return Fail(Errc::kInvalidArgument,
                    fmt::format("filter: no argument {} of call {}", test.arg, number));
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<sock_filter>> CompileFilter(const FilterRules& rules) {
  AMBIT_CHECK(CheckRules(rules));
  FilterProgramBuilder out;
  const std::vector<Range> ranges = RangesOf(out, rules);
  const Label by_number = out.Load(kNumberOffset, EmitSearch(out, ranges));
  const Label kill = out.Return(SECCOMP_RET_KILL_PROCESS);
  out.Load(kArchOffset, out.IfEqual(rules.architecture, by_number, kill));
  std::vector<sock_filter> program = std::move(out).Finish();
  if (program.size() > BPF_MAXINSNS) {
    return Fail(Errc::kLimit, fmt::format("filter: {} instructions, the kernel takes {}",
                                          program.size(), BPF_MAXINSNS));
  }
  return program;
}

}  // namespace ambit::plan
