#include "supervise/limit_outcome.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "event/refusal.h"

namespace ambit::supervise {
namespace {

using policy::Limit;

// Decisions: 124 for time as timeout(1), 137 for memory as the kernel's own kill, 141 for others.
constexpr int kOther = 141;
constexpr std::array<LimitWords, policy::kLimits> kWords = {{
    {Cause::kTimeLimit, 124, "time", "--time"},
    {Cause::kIdleLimit, kOther, "idle", "--idle"},
    {Cause::kCpuTimeLimit, kOther, "cpu_time", "--cpu-time"},
    {Cause::kRunFailed, kOther, "cpus", "--cpus"},  // slows down, ends nothing
    {Cause::kMemoryLimit, 137, "memory", "--memory"},
    {Cause::kRunFailed, kOther, "processes", "--processes"},  // refuses, ends nothing
    {Cause::kDiskLimit, kOther, "disk", "--disk"},
    {Cause::kDiskLimit, kOther, "inodes", "--inodes"},
    {Cause::kRunFailed, kOther, "io", "--io"},                  // slows down, ends nothing
    {Cause::kRunFailed, kOther, "open_files", "--open-files"},  // refuses, ends nothing
    {Cause::kNetOutLimit, kOther, "net_out", "--net-out"},
}};

std::string Rounded(double value, std::string_view unit) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return fmt::format("{} {}", text, unit);
}

std::string Bytes(std::uint64_t value) {
  constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto number = static_cast<double>(value);
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  return Rounded(number, kUnits.at(unit));
}

std::string Milliseconds(std::uint64_t value) {
  constexpr std::uint64_t kSecond = 1000;
  constexpr std::uint64_t kMinute = 60 * kSecond;
  constexpr std::uint64_t kHour = 60 * kMinute;
  if (value >= kHour) return Rounded(static_cast<double>(value) / kHour, "h");
  if (value >= 2 * kMinute) return Rounded(static_cast<double>(value) / kMinute, "min");
  return Rounded(static_cast<double>(value) / kSecond, "s");
}

std::string_view WhatOf(Limit limit) {
  switch (limit) {
    case Limit::kTime:
      return "time";
    case Limit::kIdle:
      return "time without anything to do";
    case Limit::kCpuTime:
      return "processor time";
    case Limit::kCpus:
      return "processors";
    case Limit::kMemory:
      return "memory";
    case Limit::kProcesses:
      return "processes";
    case Limit::kDisk:
      return "disk space";
    case Limit::kInodes:
      return "files and directories";
    case Limit::kIo:
      return "io";
    case Limit::kOpenFiles:
      return "open files";
    case Limit::kNetOut:
      return "sent out";
  }
  return "";
}

/// A flag gets over what a flag, a default or a trusted file says, and over no bound.
std::string WayOut(const plan::Limit& limit, std::string_view flag) {
  if (limit.from.ends_with(event::kManaged)) return "nothing gets over the managed policy";
  const std::string_view first =
      limit.from.ends_with(event::kNotTrusted) ? "once the file is trusted (ambit trust), " : "";
  return fmt::format("{}{} gives it another one", first, flag);
}

}  // namespace

const LimitWords& WordsFor(Limit limit) { return kWords.at(static_cast<std::size_t>(limit)); }

std::string InUnits(Limit limit, std::uint64_t value) {
  switch (limit) {
    case Limit::kTime:
    case Limit::kIdle:
    case Limit::kCpuTime:
      return Milliseconds(value);
    case Limit::kMemory:
    case Limit::kDisk:
    case Limit::kNetOut:
      return Bytes(value);
    case Limit::kIo:
      return Bytes(value) + "/s";
    case Limit::kCpus:
      return Rounded(static_cast<double>(value) / 1000, "processors");
    case Limit::kProcesses:
    case Limit::kInodes:
    case Limit::kOpenFiles:
      break;
  }
  return fmt::format("{}", value);
}

Outcome LimitReached(const plan::Limit& limit, std::uint64_t used) {
  const LimitWords& words = WordsFor(limit.kind);
  std::string detail =
      fmt::format("the run was ended at its limit of {} {} ({})", InUnits(limit.kind, limit.value),
                  WhatOf(limit.kind), Printable(limit.from));
  const std::string had = InUnits(limit.kind, used);
  if (had != InUnits(limit.kind, limit.value)) detail += ": it had " + had;
  return {.cause = words.cause,
          .exit_code = words.exit_code,
          .detail = std::move(detail),
          .remedy = fmt::format("{}; its work is kept", WayOut(limit, words.flag))};
}

}  // namespace ambit::supervise
