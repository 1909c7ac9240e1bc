#include "plan/filter_rules.h"

#include <algorithm>
#include <utility>

namespace ambit::plan {
namespace {

bool Holds(const ArgTest& test, const seccomp_data& call) {
  const std::uint64_t seen = call.args[test.arg] & test.mask;
  const bool is_one_of_them = std::ranges::find(test.values, seen) != test.values.end();
  return is_one_of_them != test.negated;
}

}  // namespace

FilterRules ForRun(FilterRules rules, Told told) {
  const auto settle = [told](Answer& answer) {
    for (const auto& [mark, from] :
         {std::pair{Answer::Notify(), Told::kRenames}, std::pair{Answer::Record(), Told::kWrites},
          std::pair{Answer::RecordReading(), Told::kOpens}}) {
      if (answer != mark) continue;
      answer = told >= from ? Answer::Notify() : Answer::Allow();
      return;
    }
  };
  settle(rules.unnamed);
  for (auto& [number, decision] : rules.calls) {
    settle(decision.otherwise);
    for (Exception& exception : decision.exceptions) settle(exception.answer);
    while (!decision.exceptions.empty() &&
           decision.exceptions.back().answer == decision.otherwise) {
      decision.exceptions.pop_back();  // says nothing of its own
    }
  }
  return rules;
}

Answer Decide(const FilterRules& rules, const seccomp_data& call) {
  if (call.arch != rules.architecture) return Answer::KillProcess();
  const auto number = static_cast<std::uint32_t>(call.nr);
  const bool foreign = rules.first_foreign_number != 0 && number >= rules.first_foreign_number;
  if (foreign && number != 0xffff'ffff) return Answer::KillProcess();

  const auto found = rules.calls.find(number);
  if (found == rules.calls.end()) return rules.unnamed;
  for (const Exception& exception : found->second.exceptions) {
    const bool all_hold = std::ranges::all_of(
        exception.tests, [&](const ArgTest& test) { return Holds(test, call); });
    if (all_hold) return exception.answer;
  }
  return found->second.otherwise;
}

}  // namespace ambit::plan
