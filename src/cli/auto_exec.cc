#include "cli/auto_exec.h"

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

#include "base/text.h"
#include "cli/effective_policy.h"

namespace ambit::cli {
namespace {

using policy::AutoExec;

AutoExec FromRecord(std::string_view word) {
  if (word == "deny") return AutoExec::kDeny;
  return word == "allow" ? AutoExec::kAllow : AutoExec::kAsk;
}

std::string_view WordOf(AutoExec choice) {
  if (choice == AutoExec::kDeny) return "deny";
  return choice == AutoExec::kAllow ? "allow" : "ask";
}

/// Where the choice of now was made.
std::string PlaceOf(const policy::Merged& merged) {
  const policy::Setting* setting = merged.Find("apply.auto_exec");
  if (setting == nullptr || setting->items.empty()) return "as it is by default";
  return Printable(policy::Describe(setting->items.front().origin));
}

}  // namespace

Result<std::string> AutoExecOf(const workspace::RunMeta& run) {
  AMBIT_TRY(const std::string project, host::RealPath(run.project));
  AMBIT_TRY(const EffectivePolicy now, FindPolicy(PolicyFlags(project), /*command=*/""));
  const AutoExec then = FromRecord(run.auto_exec);
  if (now.policy.auto_exec >= then) return run.auto_exec;
  const std::string_view word = WordOf(now.policy.auto_exec);
  fmt::print(stderr, "ambit: apply.auto_exec is '{}' now ({}), stricter than the run's '{}'\n",
             word, PlaceOf(now.loaded.merged), WordOf(then));
  return now.policy.auto_exec == AutoExec::kAsk ? std::string() : std::string(word);
}

}  // namespace ambit::cli
