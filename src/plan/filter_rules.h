#pragma once
// The rules of a seccomp filter as a value, and what they mean.
//
// tools/filtergen reads them from data/syscalls.toml; CompileFilter turns them into a program;
// Decide says the same without a program and is what tests compare the program with.
// Argument numbers and widths follow struct seccomp_data: six 64-bit arguments.
#include <linux/seccomp.h>

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ambit::plan {

/// What a filter returns to the kernel for one call: a SECCOMP_RET_* value with its data.
struct Answer {
  std::uint32_t ret = SECCOMP_RET_KILL_PROCESS;
  static constexpr Answer Allow() { return {SECCOMP_RET_ALLOW}; }
  static constexpr Answer Errno(std::uint16_t number) { return {SECCOMP_RET_ERRNO | number}; }
  static constexpr Answer Notify() { return {SECCOMP_RET_USER_NOTIF}; }
  // In rules only: ForRun makes of them what a program says.
  static constexpr Answer Record() { return {SECCOMP_RET_USER_NOTIF | 1}; }
  static constexpr Answer RecordReading() { return {SECCOMP_RET_USER_NOTIF | 2}; }
  static constexpr Answer KillProcess() { return {SECCOMP_RET_KILL_PROCESS}; }
  auto operator<=>(const Answer&) const = default;
};

/// Every answer a filter of ours may give, by the word that data/syscalls.toml and the
/// disassembly use for it.
struct NamedAnswer {
  std::string_view name;
  Answer answer;
};
inline constexpr std::array kNamedAnswers = {
    NamedAnswer{"allow", Answer::Allow()},
    NamedAnswer{"kill", Answer::KillProcess()},
    NamedAnswer{"notify", Answer::Notify()},  // whoever holds the filter's listener answers
    NamedAnswer{"record", Answer::Record()},
    NamedAnswer{"record reading", Answer::RecordReading()},
    NamedAnswer{"pretend", Answer::Errno(0)},  // nothing is done, success is reported
    NamedAnswer{"EPERM", Answer::Errno(1)},
    NamedAnswer{"EINVAL", Answer::Errno(22)},
    NamedAnswer{"ENOSYS", Answer::Errno(38)},
    NamedAnswer{"EPROTONOSUPPORT", Answer::Errno(93)},
    NamedAnswer{"ESOCKTNOSUPPORT", Answer::Errno(94)},
    NamedAnswer{"EOPNOTSUPP", Answer::Errno(95)},
    NamedAnswer{"EAFNOSUPPORT", Answer::Errno(97)},
};

/// Holds when `(argument & mask)` is one of `values`, or with `negated` when it is none of them.
/// Bits above 32 take part only where the mask has some.
struct ArgTest {
  int arg = 0;  // 0..5
  std::uint64_t mask = 0xffff'ffff;
  std::vector<std::uint64_t> values;  // sorted, each inside the mask
  bool negated = false;
  auto operator<=>(const ArgTest&) const = default;
};

/// Answers instead of the rule when all tests hold.
struct Exception {
  std::vector<ArgTest> tests;
  Answer answer;
  auto operator<=>(const Exception&) const = default;
};

/// The first exception whose tests all hold answers, else `otherwise`.
struct Decision {
  Answer otherwise;
  std::vector<Exception> exceptions;
  auto operator<=>(const Decision&) const = default;
};

struct FilterRules {
  std::uint32_t architecture = 0;  // AUDIT_ARCH_*; any other kills the process
  /// The first number that belongs to another ABI of the same architecture (x32: 0x40000000);
  /// from there on calls kill the process. 0: there is none. 0xffffffff is never such a call: it
  /// is how a tracer skips one, and gets `unnamed`.
  std::uint32_t first_foreign_number = 0;
  Answer unnamed;
  std::map<std::uint32_t, Decision> calls;
  bool operator==(const FilterRules&) const = default;
};

/// What the listener of a filter is told of, each with all before it. kNothing has no listener.
enum class Told : std::uint8_t {
  kNothing,
  kRenames,  // what the rules answer with "notify"
  kWrites,   // and "record"
  kOpens,    // and "record reading"
};

/// The rules of one kind of run: what is told notifies, what is not is allowed.
[[nodiscard]] FilterRules ForRun(FilterRules rules, Told told);

/// The rules' own meaning, one call at a time.
[[nodiscard]] Answer Decide(const FilterRules& rules, const seccomp_data& call);

}  // namespace ambit::plan
