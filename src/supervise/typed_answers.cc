#include "supervise/typed_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace ambit::supervise {
namespace {

/// To a question mark.
constexpr std::string_view kAnswersExplained =
    "  once     what waits for this now; what comes later is asked about again\n"
    "  run      until the run ends\n"
    "  project  also in later runs of this project\n"
    "  always   in all runs from now on\n"
    "  no       what waits is reset; what comes later is asked about again\n"
    "  deny     what waits is reset, and so is all that comes until the run ends\n"
    "  An empty line leaves it waiting; after 10 minutes it is reset.";

}  // namespace

std::optional<TypedAnswer> ReadTypedAnswer(std::string_view typed) {
  struct Known {
    std::string_view letter;
    std::string_view word;
    TypedAnswer means;
  };
  constexpr std::array kKnown = {
      Known{"o", "once", {.allow = true, .scope = Scope::kOnce}},
      Known{"r", "run", {.allow = true, .scope = Scope::kRun}},
      Known{"p", "project", {.allow = true, .scope = Scope::kProject}},
      Known{"a", "always", {.allow = true, .scope = Scope::kAlways}},
      Known{"n", "no", {.allow = false, .scope = Scope::kOnce}},
      Known{"d", "deny", {.allow = false, .scope = Scope::kRun}},
  };
  const auto* const found = std::ranges::find_if(
      kKnown, [&](const Known& known) { return typed == known.letter || typed == known.word; });
  return found != kKnown.end() ? std::optional(found->means) : std::nullopt;
}

std::string TextForNoAnswer(std::string_view typed) {
  if (typed == "?") return std::string(kAnswersExplained);
  return fmt::format("'{}' is none of these: {}", Printable(typed), kTypedAnswers);
}

}  // namespace ambit::supervise
